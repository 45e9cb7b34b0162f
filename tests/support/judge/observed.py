"""What can be seen from outside of the bridge: deliveries, their answers, the broker's books, calls to the broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sqlalchemy.orm import Session

from shared.domain import Event
from workers.brokers.paper import books


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as the sender got it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One delivery to an account, and its answer; None when the connection died.

    `began` and `ended` are seconds of any one clock that all exchanges of a history share.
    """

    account: str
    event: Event
    answer: Answer | None
    began: float
    ended: float


class Accepted(Protocol):
    """An order that a broker has accepted, in the broker's own words. The paper broker's `AcceptedOrder` is one."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def leg(self) -> str: ...
    @property
    def strategy_id(self) -> str: ...
    @property
    def proquant_position_id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def filled_quantity(self) -> Decimal: ...
    @property
    def accepted_at(self) -> datetime: ...
    @property
    def finished_at(self) -> datetime | None: ...


class Books(Protocol):
    """A broker's own books: the oracle that the bridge cannot write to."""

    def accepted(self, account: str) -> Sequence[Accepted]:
        """Every order that the account has accepted, in the order of acceptance."""
        ...

    def net(self, account: str) -> Mapping[str, Decimal]:
        """The signed net quantity of each symbol that is not flat."""
        ...

    def outside(self, account: str) -> Mapping[str, Decimal]:
        """What was traded beside the bridge, signed, by symbol: at the broker's own terminal, or by the broker."""
        ...


@dataclass(frozen=True, slots=True)
class PaperBooks:
    """The books of the paper broker."""

    session: Session

    def accepted(self, account: str) -> Sequence[Accepted]:
        return books.accepted_orders(self.session, account)

    def net(self, account: str) -> Mapping[str, Decimal]:
        return books.net_positions(self.session, account)

    def outside(self, account: str) -> Mapping[str, Decimal]:
        return {}


@dataclass(frozen=True, slots=True)
class BrokerCall:
    """One `submit` or `find`, as seen between the bridge and the broker. Times in seconds of one clock.

    `result`: `answered`, `rejected`, `sending_failed` or `unknown` of a submit, `found`, `absent` or `failed` of a
    find; None where the process died in the call. `conclusive_from`, of a submit: from when "absent" proves that
    nothing arrived.
    """

    client_order_id: str
    kind: str
    began: float
    result: str | None
    conclusive_from: float = 0.0
