"""The worker process: `celery -A workers.main:app worker`."""

import os

from shared.config import load, refused_plainly
from workers.app import make_worker

with refused_plainly():
    app = make_worker(load(), threads=int(os.environ.get("WORKER_CONCURRENCY", "16")))
