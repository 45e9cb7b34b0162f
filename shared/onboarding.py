"""Opens an account: asks its broker what can be traded, and stores the account with its instruments and its token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared import accounts, instruments
from shared.db import Sessions
from shared.domain import Instrument
from shared.errors import BridgeError
from shared.instrument_choices import NO_FILE, InstrumentFile, choose
from shared.orphans import Policy


class BrokerFault(BridgeError):
    """The broker did not say what the account can trade; no account was created."""


@dataclass(frozen=True, slots=True)
class Application:
    """The account that is wanted. `multiplier`: our quantity for one unit of ProQuant's."""

    name: str
    broker: str
    settings: Mapping[str, str]
    multiplier: Decimal = Decimal(1)
    on_deleted: Policy = Policy.KEEP
    on_disabled: Policy = Policy.KEEP


@dataclass(frozen=True, slots=True)
class Opened:
    """The account's token, which is nowhere else, and how many instruments it can trade.

    `warnings`: a sentence for each choice of the instruments file that came to nothing.
    """

    token: str
    instruments: int
    warnings: Sequence[str] = ()


def open_account(
    sessions: Sessions, wanted: Application, secret_key: str | None, file: InstrumentFile = NO_FILE
) -> Opened:
    """Creates the account. Raises BrokerFault, AccountExists, and ConfigurationError for odd settings of the broker."""
    chosen = choose(_instruments(wanted), file.of(wanted.name, wanted.broker))
    with sessions.begin() as session:
        account, token = accounts.create(
            session,
            wanted.name,
            wanted.broker,
            wanted.settings,
            wanted.multiplier,
            secret_key,
            wanted.on_deleted,
            wanted.on_disabled,
        )
        instruments.replace(session, account, chosen.instruments)
    return Opened(token, len(chosen.instruments), chosen.warnings)


def _instruments(wanted: Application) -> Sequence[Instrument]:
    """What the broker lists for the account; asked before any transaction begins, since it may take a while."""
    from workers.brokers.base import BrokerError
    from workers.brokers.registry import make_broker

    broker = make_broker(wanted.broker, wanted.settings, wanted.name)
    try:
        return broker.instruments()
    except BrokerError as error:
        reason = getattr(error, "reason", error)
        raise BrokerFault(f"The broker {wanted.broker} does not list its instruments: {reason}") from error
    finally:
        broker.close()
