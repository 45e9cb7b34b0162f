"""Lets only this machine's own pages use the simulator: it has no password, and posts to wherever it is told."""

import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, request

LARGEST_BODY = 64 * 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
    "img-src 'self' https: http://127.0.0.1:* http://localhost:*; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded from elsewhere but the avatars of integrations, which are somebody's URLs by their nature."""


def protect(app: Flask, allow_remote: bool) -> None:
    """Refuses other sites' forms, and, unless `allow_remote`, host names that are not this machine's."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY

    @app.before_request
    def only_from_here() -> None:
        if not allow_remote and not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            abort(403, "The simulator answers to this machine's own names only (see --allow-remote).")
        if request.method == "POST" and _comes_from_another_site(request):
            abort(403, "The page of another site may not use the simulator.")

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"  # without one, our own forms would have no origin
        response.headers["Cache-Control"] = "no-store"
        return response


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine and can be reached from no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _comes_from_another_site(asked: Request) -> bool:
    """A browser says where a POST comes from; a program says nothing."""
    origin = asked.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != asked.host
