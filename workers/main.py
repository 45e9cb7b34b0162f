"""The worker process: `celery -A workers.main:app worker`."""

from shared.config import load, refused_plainly
from workers.app import make_worker

with refused_plainly():
    app = make_worker(load())
