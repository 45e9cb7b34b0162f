"""Asks a broker, before an account is opened, whether it takes the credentials, and what the account is."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from workers.brokers.base import AccountSummary, Broker, BrokerUnavailable, Instrument
from workers.brokers.live_or_practice import MoneyKind, money_kind_of

INSPECTION_SECONDS = 60.0  # of all its calls together; each has the adapter's own time limits too


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. `account` is None for the paper broker, which has no credentials to be checked.

    `nets_positions` and `opposite_sides` are those of the capabilities, after the broker was asked.
    """

    money_kind: MoneyKind
    account: AccountSummary | None
    nets_positions: bool
    opposite_sides: bool
    instruments: Sequence[Instrument]


def inspect(broker: Broker, kind: str, settings: Mapping[str, str], seconds: float = INSPECTION_SECONDS) -> Inspection:
    """Asks for the account and then for its instruments. Raises what these raise, BrokerUnavailable after `seconds`.

    In a thread that nobody waits for: an adapter that never ends must not keep the caller, nor its process.
    """
    found: Future[Inspection] = Future()
    threading.Thread(target=_inspect, args=(found, broker, kind, settings), daemon=True).start()
    try:
        return found.result(seconds)
    except TimeoutError as error:
        raise BrokerUnavailable(f"The broker did not say within {seconds:g} seconds what the account is.") from error


def _inspect(found: Future[Inspection], broker: Broker, kind: str, settings: Mapping[str, str]) -> None:
    try:
        found.set_result(_asked(broker, kind, settings))
    except BaseException as error:  # noqa: BLE001 - handed to the caller's thread as it is
        found.set_exception(error)


def _asked(broker: Broker, kind: str, settings: Mapping[str, str]) -> Inspection:
    account = None if kind == "paper" else broker.account()  # its books open with the first order, not before
    instruments = broker.instruments()
    told = broker.capabilities
    return Inspection(money_kind_of(kind, settings), account, told.nets_positions, told.opposite_sides, instruments)
