"""The settings of an Alpaca account, read from text; an unknown name or an odd value is refused by name. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ADDRESSES = {"paper": "https://paper-api.alpaca.markets", "live": "https://api.alpaca.markets"}
"""Environment -> address (docs.alpaca.markets, "Trading API"). The keys of one are not valid in the other."""
_NAMES = frozenset({"account", "base_url", "environment", "key_id", "secret_key"})


@dataclass(frozen=True, slots=True)
class AlpacaSettings:
    """One account's address and keys."""

    base_url: str
    key_id: str = field(repr=False)
    secret_key: str = field(repr=False)


def parse(settings: Mapping[str, str]) -> AlpacaSettings:
    """What the texts say; money is at stake only where `environment` says `live`.

    Raises ValueError that names the setting and says what is wrong with it, and never repeats a secret.
    """
    if unknown := sorted(settings.keys() - _NAMES):
        raise ValueError(f"{', '.join(unknown)}: unknown; the settings are {', '.join(sorted(_NAMES - {'account'}))}")
    environment = settings.get("environment", "paper")
    if environment not in ADDRESSES:
        raise ValueError(f"environment: {environment!r} is none of {', '.join(ADDRESSES)}")
    base_url = settings.get("base_url", ADDRESSES[environment])
    if not base_url.startswith(("https://", "http://")):
        raise ValueError(f"base_url: {base_url!r} is no http address")
    return AlpacaSettings(base_url.rstrip("/"), _key("key_id", settings), _key("secret_key", settings))


def _key(name: str, settings: Mapping[str, str]) -> str:
    key = settings.get(name, "").strip()
    if not key:
        raise ValueError(f"{name}: must be given; Alpaca shows it once, when the key is made")
    if not (key.isascii() and key.isprintable()):
        raise ValueError(f"{name}: has characters that no key has")
    return key
