"""Benchmarks: the bridge beside the Flask and Celery endpoint that everybody writes. See docs/benchmarks.md."""
