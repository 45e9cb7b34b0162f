"""The broker adapters, and the registry that finds one by its kind."""
