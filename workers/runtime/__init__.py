"""How a worker uses Celery, threads and processors."""
