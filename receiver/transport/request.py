"""A webhook as it comes in: what of a request its way to an answer looks at."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request

from receiver.transport.request_body import Body

IS_GONE = "proquant_bridge.is_gone"  # by which our `http_limits.py` says it: ASGI tells only those who wait for it


@dataclass(frozen=True, slots=True)
class Call:
    """`authorization`: the header, or nothing. `media_type`: of the body, in small letters. `address`: who calls.

    `read`: the whole body; `coming`: the same body, where it may not be there yet and can be given up. `is_gone`:
    whether the caller has hung up, so that no answer can reach it.
    """

    authorization: str
    media_type: str
    address: str
    read: Callable[[], bytes]
    coming: Body | None = None
    is_gone: Callable[[], bool] = lambda: False


def of_flask(request: Request) -> Call:
    """The request under way. A header that is there twice has both values, and so none that is known."""
    stream = request.environ["wsgi.input"]
    coming = stream if isinstance(stream, Body) else None
    return Call(
        authorization=request.headers.get("Authorization", ""),
        media_type=request.mimetype,
        address=request.remote_addr or "unknown",
        # Werkzeug's own stream takes a body that is given up (TimeoutError) for a client that went away.
        read=lambda: request.get_data(cache=False) if coming is None else coming.whole(),
        coming=coming,
        is_gone=request.environ.get(IS_GONE, _nobody_knows),
    )


def _nobody_knows() -> bool:
    return False
