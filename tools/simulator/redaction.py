"""Takes secrets out of what the page shows: the headers of an integration, wherever they come back. Pure."""

from collections.abc import Mapping

from tools.simulator.model import Integration

MASK = "********"
SHORTEST_SECRET = 6  # a shorter value, such as "1", is no secret, and would be found everywhere
MOST_SHOWN = 4000  # characters of an answer


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The same names; of the values only the scheme, as in `Bearer ...`: any of them may be a secret."""
    return {name: _masked_value(value) for name, value in headers.items()}


def masked_url(url: str) -> str:
    """The URL without its query and without a password: a receiver may have put a token there."""
    scheme, separator, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    bare, question, _ = path.partition("?")
    return f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{bare}{question}{MASK if question else ''}"


def masked_text(text: str, integration: Integration) -> str:
    """`text` cut to what a person reads, with every secret of the integration's headers masked."""
    secrets = {part for value in integration.headers.values() for part in (value, value.rpartition(" ")[2])}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} ... ({len(text)} characters)"


def _masked_value(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space and scheme.lower() in {"bearer", "basic", "token"} else MASK
