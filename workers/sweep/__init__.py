"""The periodic duties of the worker that sweeps, one file a duty."""
