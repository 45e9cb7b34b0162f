"""One signal passes few files: each is one that has to be read before its path is understood."""

import os
import subprocess
import sys

from cryptography.fernet import Fernet

from shared.database.engine import Sessions
from tests.architecture import code

MOST = 55


def test_one_signal_passes_few_files(sessions: Sessions, database_url: str, redis_url: str) -> None:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BRIDGE_SECRET_KEY": Fernet.generate_key().decode(),
        "BRIDGE_RESPONSE_WAIT_SECONDS": "0",
    }
    ran = subprocess.run(  # in a process of its own: a receiver and a worker keep their threads and connections
        [sys.executable, "-m", "tests.architecture.event_trace"],
        cwd=code.ROOT,
        env={**os.environ, **settings},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    passed = ran.stdout.split()
    assert {"receiver/webhook.py", "workers/execution/run.py", "shared/ledger/intents.py"} <= {*passed}
    assert len(passed) <= MOST, passed
