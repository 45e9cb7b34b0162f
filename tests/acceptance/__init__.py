"""Acceptance tests: the processes of `make run`, seen as a user sees them."""
