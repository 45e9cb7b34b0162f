"""The settings of an account through ccxt, read from text; an unknown name or an odd value is refused by name. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.brokers.binance.settings import read_address, read_quotes
from workers.brokers.ccxt.venues import Practice, Venue, venue_named

KNOWN = ("account", "api_key", "base_url", "exchange", "password", "quotes", "sandbox", "secret")
_YES_OR_NO = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class CcxtSettings:
    """One account's settings. `sandbox` is play money, and the default; `base_url` replaces scheme and host."""

    exchange: str
    venue: Venue
    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    password: str | None = field(repr=False)
    sandbox: bool
    base_url: str | None
    quotes: Mapping[str, str]


def parse(settings: Mapping[str, str]) -> CcxtSettings:
    """What the texts say. Raises ValueError that names the setting and says what is wrong with it."""
    if unknown := sorted(settings.keys() - set(KNOWN)):
        raise ValueError(f"{', '.join(unknown)}: unknown; the settings are {', '.join(KNOWN[1:])}")
    for name in ("exchange", "api_key", "secret"):
        if not settings.get(name, "").strip():
            raise ValueError(f"{name}: must not be empty")
    venue = venue_named(settings["exchange"])
    sandbox = settings.get("sandbox", "true")
    if sandbox not in _YES_OR_NO:
        raise ValueError(f"sandbox: {sandbox!r} is neither true nor false")
    base_url = settings.get("base_url")
    if _YES_OR_NO[sandbox] and venue.practice is Practice.NONE and base_url is None:
        raise ValueError(f"sandbox: {settings['exchange']} has none; say sandbox=false to trade live")
    return CcxtSettings(
        exchange=settings["exchange"],
        venue=venue,
        api_key=settings["api_key"].strip(),
        secret=settings["secret"].strip(),
        password=settings.get("password"),
        sandbox=_YES_OR_NO[sandbox],
        base_url=None if base_url is None else read_address(base_url),
        quotes=read_quotes(settings.get("quotes", "")),
    )
