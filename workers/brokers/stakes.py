"""Whether an account may trade real money, as far as its settings say. Pure."""

from collections.abc import Mapping

PRACTICE = {"paper", "practice", "testnet", "sandbox", "demo"}


def may_be_real(kind: str, settings: Mapping[str, str]) -> bool:
    """False only where it is certain: the paper broker, and environments that are none of real money.

    What an adapter of somebody else or a system behind the `http` contract trades with, nobody can tell from here.
    An address of one's own (`base_url`) says nothing either: there may be a proxy to the real thing behind it.
    """
    if kind == "paper":
        return False
    if "base_url" in settings:
        return True
    if kind in {"oanda", "alpaca", "binance"}:
        return settings.get("environment", "practice") not in PRACTICE
    if kind == "ccxt":
        return settings.get("sandbox", "true") != "true"
    return True
