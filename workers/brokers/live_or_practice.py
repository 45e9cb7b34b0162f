"""Whether an account may trade real money, as far as its settings say. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from shared.urls import is_here

PRACTICE = {"paper", "practice", "testnet", "sandbox", "demo"}
PRACTICE_BY_DEFAULT = {"alpaca", "binance", "ccxt", "oanda"}


class MoneyKind(StrEnum):
    """Whether real money is traded, as far as the settings say."""

    PRACTICE = "practice"  # certain: the paper broker, and environments that are none of real money
    LIVE = "live"  # the settings say so, or name an address elsewhere: a proxy to the real thing may be there
    LOCAL = "local"  # an address on this machine: most likely a simulator, but nobody can tell from here
    UNTOLD = "untold"  # an adapter of somebody else, whose settings say neither


def money_kind_of(kind: str, settings: Mapping[str, str]) -> MoneyKind:
    """What an account of this kind with these settings trades with."""
    if kind == "paper":
        return MoneyKind.PRACTICE
    if settings.get("environment", "practice") not in PRACTICE or settings.get("sandbox", "true") != "true":
        return MoneyKind.LIVE
    if "base_url" in settings:
        return MoneyKind.LOCAL if _is_here(settings["base_url"]) else MoneyKind.LIVE
    return MoneyKind.PRACTICE if kind in PRACTICE_BY_DEFAULT else MoneyKind.UNTOLD


def may_be_real(kind: str, settings: Mapping[str, str]) -> bool:
    """False only where it is certain. Asked before an order is sent to try a broker."""
    return money_kind_of(kind, settings) is not MoneyKind.PRACTICE


def _is_here(address: str) -> bool:
    try:
        return is_here(address)
    except ValueError:  # no address at all: nobody can tell where it leads
        return False
