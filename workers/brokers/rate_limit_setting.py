"""The setting by which any account, whatever its broker, gets a rate limit of its own. Pure."""

from collections.abc import Mapping

OWN_RATE_LIMIT = "requests_per_minute"
MOST_A_MINUTE = 100_000


def own_rate_limit(settings: Mapping[str, str]) -> int | None:
    """The account's own limit in requests a minute; None where it has none. Raises ValueError that names the setting.

    It is kept besides the budget that the adapter declares, so that it can only lower what is sent.
    """
    text = settings.get(OWN_RATE_LIMIT)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_A_MINUTE):
        raise ValueError(f"{OWN_RATE_LIMIT}: {text!r} is not a whole number from 1 to {MOST_A_MINUTE}")
    return int(text)
