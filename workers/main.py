"""The worker process: `celery -A workers.main:app worker --pool threads`."""

import os

from shared.config import load
from workers.app import make_worker

app = make_worker(load(), threads=int(os.environ.get("WORKER_CONCURRENCY", "16")))
