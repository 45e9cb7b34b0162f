"""`python -m receiver`: serves the receiver with uvicorn, in several processes at one port."""

import argparse

import uvicorn

from receiver.transport.http_limits import HeadLimitedProtocol
from shared.config import load, refused_plainly

KEEP_ALIVE_SECONDS = 75  # longer than a client's usual minute: who closes first must not be the one that is sent to
STOP_SECONDS = 25  # for requests under way; who was to wait longer for an outcome is cut off, and asks again


def serve(application: str, host: str, port: int, processes: int) -> None:
    """Returns when it was told to stop and every request that had begun is answered.

    `application`: module and name of what speaks ASGI. Each process imports it for itself; one that dies is replaced.
    """
    uvicorn.run(
        application,
        host=host,
        port=port,
        workers=processes,
        loop="uvloop",
        http=HeadLimitedProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def command_line() -> argparse.Namespace:
    """Where to listen, and with how many processes."""
    parser = argparse.ArgumentParser(prog="python -m receiver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2, metavar="PROCESSES")
    return parser.parse_args()


def main() -> None:
    """Refuses a wrong setting here, once, and not in each process."""
    given = command_line()
    with refused_plainly():
        load()
    serve("receiver.main:app", given.host, given.port, given.workers)


if __name__ == "__main__":
    main()
