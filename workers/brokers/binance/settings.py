"""The settings of a Binance account, read from text; an unknown name or an odd value is refused by name. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BinanceEnvironment(StrEnum):
    """Where orders go. `testnet` trades play money."""

    TESTNET = "testnet"
    LIVE = "live"


ADDRESSES = {
    BinanceEnvironment.TESTNET: "https://demo-fapi.binance.com",
    BinanceEnvironment.LIVE: "https://fapi.binance.com",
}
"""The REST addresses that Binance names (developers.binance.com, USD-M futures, general info)."""
KNOWN = ("account", "api_key", "api_secret", "base_url", "environment", "quotes")
_PAIR = re.compile(r"([A-Z]{2,10}):([A-Z0-9]{2,10})")


@dataclass(frozen=True, slots=True)
class BinanceSettings:
    """One account's settings. `quotes` says which ending of a ticker stands for which quote asset: USD -> USDT."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    environment: BinanceEnvironment
    base_url: str
    quotes: Mapping[str, str]


def parse(settings: Mapping[str, str]) -> BinanceSettings:
    """What the texts say. Raises ValueError that names the setting and says what is wrong with it."""
    if unknown := sorted(settings.keys() - set(KNOWN)):
        raise ValueError(f"{', '.join(unknown)}: unknown; the settings are {', '.join(KNOWN[1:])}")
    environment = _environment(settings.get("environment", BinanceEnvironment.TESTNET))
    return BinanceSettings(
        api_key=_secret(settings, "api_key"),
        api_secret=_secret(settings, "api_secret"),
        environment=environment,
        base_url=read_address(settings.get("base_url", ADDRESSES[environment])),
        quotes=read_quotes(settings.get("quotes", "")),
    )


def _environment(text: str) -> BinanceEnvironment:
    if text not in set(BinanceEnvironment):
        raise ValueError(f"environment: {text!r} is none of {', '.join(BinanceEnvironment)}")
    return BinanceEnvironment(text)


def _secret(settings: Mapping[str, str], name: str) -> str:
    text = settings.get(name, "").strip()
    if not text:
        raise ValueError(f"{name}: must not be empty")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError(f"{name}: has characters that no key of Binance has")
    return text


def read_address(text: str) -> str:
    """The setting `base_url`, without the slash at its end. Raises ValueError."""
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text):
        raise ValueError(f"base_url: {text!r} is not an address such as {ADDRESSES[BinanceEnvironment.TESTNET]}")
    return text.rstrip("/")


def read_quotes(text: str) -> Mapping[str, str]:
    """The setting `quotes`: pairs such as USD:USDT, with commas between them. Raises ValueError."""
    pairs: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise ValueError(f"quotes: {part!r} is not a pair such as USD:USDT")
        if pair[1] in pairs:
            raise ValueError(f"quotes: {pair[1]} is named twice")
        pairs[pair[1]] = pair[2]
    return pairs
