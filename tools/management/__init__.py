"""The management API: the bridge for a company's own backend."""
