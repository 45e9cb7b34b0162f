"""The integrations API of ProQuant: one request of the guide, sent once, and an honest word for what became of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from shared import redaction
from shared.redaction import redact
from shared.urls import check_url, is_here, place

TIMEOUTS = httpx.Timeout(connect=5.0, write=10.0, read=15.0, pool=5.0)
MOST_READ = 2_000  # bytes of an answer: all that is done with it is to show its beginning
MOST_SHOWN = 200  # characters
READING_SECONDS = 5.0  # for the body of an answer whose status is known


@dataclass(frozen=True, slots=True)
class IntegrationRequest:
    """What the guide wants to know ("Creating an Integration"). `headers`: sent back to us with every event."""

    name: str
    description: str
    image_url: str
    user_email: str
    webhook_url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RequestTaken:
    """ProQuant has the request."""


@dataclass(frozen=True, slots=True)
class RequestNotTaken:
    """ProQuant is proven not to have taken it. `refused`: it answered so; otherwise it was never reached."""

    problem: str
    refused: bool


@dataclass(frozen=True, slots=True)
class RequestUnanswered:
    """It may have taken it or not."""

    problem: str


RequestAnswer = RequestTaken | RequestNotTaken | RequestUnanswered


def ask(url: str, request: IntegrationRequest, timeouts: httpx.Timeout = TIMEOUTS) -> RequestAnswer:
    """Posts the request to `url`, once; no redirect is followed. Raises UnsafeUrl before anything is sent.

    What ProQuant answers is not specified: any 2xx is a yes, and a 3xx or 4xx a no. A 5xx may be said by a proxy while
    the request goes on behind it, so it proves nothing.
    """
    check_url(url)
    redaction.add_headers(request.headers.values())
    try:
        with (
            httpx.Client(timeout=timeouts, follow_redirects=False, trust_env=not is_here(url)) as client,
            client.stream("POST", url, json=_body(request), headers={"User-Agent": "proquant-bridge"}) as response,
        ):
            return _read(response)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return RequestNotTaken(f"{place(url)} cannot be reached: {_said(error)}", refused=False)
    except httpx.TimeoutException:
        return RequestUnanswered(f"{place(url)} did not answer in time")
    except httpx.TransportError as error:
        return RequestUnanswered(f"{place(url)} did not answer properly: {_said(error)}")


def _body(request: IntegrationRequest) -> dict[str, object]:
    return {
        "name": request.name,
        "description": request.description,
        "imageUrl": request.image_url,
        "userEmail": request.user_email,
        "webhook": {"url": request.webhook_url, "headers": dict(request.headers)},
    }


def _read(response: httpx.Response) -> RequestAnswer:
    if response.is_success:
        return RequestTaken()
    problem = f"ProQuant answered {response.status_code}: {_shown(response)}"
    return RequestUnanswered(problem) if response.is_server_error else RequestNotTaken(problem, refused=True)


def _shown(response: httpx.Response) -> str:
    """The beginning of the answer, on one line. That it cannot be read to its end does not change the status."""
    read, until = b"", time.monotonic() + READING_SECONDS
    try:
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) >= MOST_READ or time.monotonic() > until:
                break
    except httpx.TransportError as error:
        return f"(nothing that can be read: {_said(error)})"
    text = redact(read.decode(errors="replace"))[:MOST_SHOWN]  # before it is cut: a part of a token is one, too
    return "".join(char if char.isprintable() else " " for char in text).strip() or "(nothing)"


def _said(error: Exception) -> str:
    return redact(str(error)) or type(error).__name__
