"""What an account holds at its broker, in the form in which it is compared with the ledger."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from shared.domain import EXACT
from shared.ledger.reconciliation import NotAnswered
from workers.brokers.base import Broker, BrokerError


def net_positions(broker: Broker) -> Mapping[str, Decimal]:
    """The signed quantity in each symbol. Raises NotAnswered where the broker does not say."""
    try:
        positions = broker.positions()
    except BrokerError as error:
        raise NotAnswered(f"the broker does not answer: {getattr(error, 'reason', error)}") from error
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for position in positions:
        net[position.symbol] = EXACT.add(net[position.symbol], position.quantity)
    return net
