"""The Celery side: take a strategy's events in order, execute them at the broker, record what happened."""
