"""The settings of an OANDA account, read from text; an unknown name or an odd value is refused by name. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

_KNOWN = frozenset({"account", "account_id", "base_url", "environment", "fifo", "token"})
_US_DIVISION = "001"
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class OandaEnvironment(StrEnum):
    """OANDA's two worlds; a token is good for one of them. Real money only where the setting says `live`."""

    PRACTICE = "practice"
    LIVE = "live"


ADDRESSES = {
    OandaEnvironment.PRACTICE: "https://api-fxpractice.oanda.com",
    OandaEnvironment.LIVE: "https://api-fxtrade.oanda.com",
}
"""Where each environment is served (developer.oanda.com, development guide)."""


@dataclass(frozen=True, slots=True)
class OandaSettings:
    """One account at OANDA. `account` is the bridge's own name of it.

    `fifo`: trades in one instrument can be closed in the order of their opening alone (NFA rule 2-43b, US accounts).
    """

    account: str
    account_id: str
    token: str = field(repr=False)
    environment: OandaEnvironment
    base_url: str
    fifo: bool = False


def parse(settings: Mapping[str, str]) -> OandaSettings:
    """What the texts say. Raises ValueError that names the setting and says what is wrong with it."""
    if unknown := sorted(settings.keys() - _KNOWN):
        raise ValueError(f"{', '.join(unknown)}: unknown; the settings are {', '.join(sorted(_KNOWN))}")
    environment = _environment(settings.get("environment", OandaEnvironment.PRACTICE))
    account_id = _account_id(_present(settings, "account_id"))
    return OandaSettings(
        account=_present(settings, "account"),
        account_id=account_id,
        token=_token(_present(settings, "token")),
        environment=environment,
        base_url=_address(settings.get("base_url", ADDRESSES[environment])),
        fifo=_fifo(settings.get("fifo"), account_id),
    )


def _present(settings: Mapping[str, str], name: str) -> str:
    text = settings.get(name, "").strip()
    if not text:
        raise ValueError(f"{name}: must be given")
    return text


def _environment(text: str) -> OandaEnvironment:
    if text not in set(OandaEnvironment):
        raise ValueError(f"environment: {text!r} is none of {', '.join(OandaEnvironment)}")
    return OandaEnvironment(text)


def _account_id(text: str) -> str:
    if not _ACCOUNT_ID.fullmatch(text):
        raise ValueError("account_id: must look like 101-004-1234567-001")
    return text


def _fifo(text: str | None, account_id: str) -> bool:
    """As the setting says; else by the account's number, `{site}-{division}-{user}-{number}`: division 001 is the US.

    The v20 API tells the form of the number (Swagger, AccountID), and tells the rule nowhere.
    """
    if text is None:
        return account_id.split("-")[1:2] == [_US_DIVISION]
    if text not in {"yes", "no"}:
        raise ValueError(f"fifo: {text!r} is neither yes nor no")
    return text == "yes"


def _token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("token: must be printable ASCII without spaces")
    return text


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"base_url: {text!r} is not an address such as https://host:port")
    return text.rstrip("/")
