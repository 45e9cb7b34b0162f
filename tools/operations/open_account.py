"""Opens an account: asks its broker what it is, and stores the account with its instruments and its token."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from shared.accounts import accounts, instruments
from shared.accounts.instrument_choices import NO_FILE, InstrumentFile, choose
from shared.accounts.orphan_policy import Policy
from shared.database.engine import Sessions
from shared.errors import BridgeError

if TYPE_CHECKING:
    from workers.brokers.account_probe import Inspection


class BrokerFault(BridgeError):
    """The broker refuses the credentials, or did not say what the account is; no account was created."""


class LiveNotConfirmed(BridgeError):
    """The account would trade real money, and nobody has said that this is meant; no account was created."""


@dataclass(frozen=True, slots=True)
class Application:
    """The account that is wanted. `multiplier`: our quantity for one unit of ProQuant's.

    `live`: real money is meant. `checked`: the broker is asked before anything is stored.
    """

    name: str
    broker: str
    settings: Mapping[str, str]
    multiplier: Decimal = Decimal(1)
    on_deleted: Policy = Policy.KEEP
    on_disabled: Policy = Policy.KEEP
    live: bool = False
    checked: bool = True


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """The account's token, which is nowhere else, and how many instruments it can trade.

    `found`: what the broker said; None where it was not asked. Then a worker asks it for the instruments.
    `warnings`: a sentence for each choice of the instruments file that came to nothing.
    """

    token: str
    instruments: int
    found: "Inspection | None"
    warnings: Sequence[str] = ()


def open_account(
    sessions: Sessions, wanted: Application, secret_key: str | None, file: InstrumentFile = NO_FILE
) -> OpenedAccount:
    """Creates the account.

    Raises BrokerFault, LiveNotConfirmed, AccountExists, and ConfigurationError for odd settings of the broker.
    """
    found = _inspected(wanted)
    chosen = choose(found.instruments if found else (), file.of(wanted.name, wanted.broker))
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
        if found:
            instruments.replace(session, account, chosen.instruments)
    return OpenedAccount(token, len(chosen.instruments), found, chosen.warnings if found else ())


def _inspected(wanted: Application) -> "Inspection | None":
    """What the broker says, unless it is not to be asked; before any transaction begins, since it may take a while."""
    from workers.brokers.account_probe import inspect
    from workers.brokers.base import BrokerError
    from workers.brokers.registry import make_broker

    with closing(make_broker(wanted.broker, wanted.settings, wanted.name)) as broker:
        _be_sure(wanted)
        if not wanted.checked:
            return None
        try:
            return inspect(broker, wanted.broker, wanted.settings)
        except BrokerError as error:
            reason = " ".join(str(getattr(error, "reason", error)).split())
            raise BrokerFault(
                f"The broker {wanted.broker} did not confirm the account, and nothing was stored: {reason}"
            ) from error


def _be_sure(wanted: Application) -> None:
    """Raises LiveNotConfirmed for what trades real money unless somebody has said that this is meant."""
    from workers.brokers.live_or_practice import MoneyKind, money_kind_of

    if money_kind_of(wanted.broker, wanted.settings) is MoneyKind.LIVE and not wanted.live:
        raise LiveNotConfirmed(
            f"The account {wanted.name} may trade real money at {wanted.broker}: if that is meant, add --live "
            'on the command line, "live": true in a request. Nothing was stored.'
        )
