"""The routes of the management API, one module a subject."""
