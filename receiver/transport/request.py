"""A webhook as it comes in: what of a request its way to an answer looks at, whoever serves it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request

from receiver.transport.request_body import Body, Receive

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
    """One that has a thread to itself."""
    return Call(
        authorization=request.headers.get("Authorization", ""),
        media_type=request.mimetype,
        address=request.remote_addr or "unknown",
        read=lambda: request.get_data(cache=False),
    )


def of_server(scope: Mapping[str, Any], receive: Receive) -> Call:
    """One that is served beside others, as the server tells it (ASGI).

    A header that is there twice has both values, and so none that is known.
    """
    said: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            spelled = value.decode("latin-1")
            said[name] = f"{said[name]},{spelled}" if name in said else spelled
    body = Body(receive)
    media_type = said.get(b"content-type", "").partition(";")[0].strip().lower()
    is_gone = scope.get("extensions", {}).get(IS_GONE, _nobody_knows)
    return Call(said.get(b"authorization", ""), media_type, scope["client"][0], body.whole, body, is_gone)


def _nobody_knows() -> bool:
    return False


_LOOKED_AT = frozenset({b"authorization", b"content-type"})
