"""The path of an event through a worker. `run.py` comes first."""
