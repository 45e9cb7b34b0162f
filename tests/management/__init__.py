"""The management API, over its real application."""
