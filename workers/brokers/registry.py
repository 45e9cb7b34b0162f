"""Finds a broker adapter by its kind: a built-in name, an installed entry point, or a dotted path."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

from shared import redaction
from shared.errors import ConfigurationError
from shared.redaction import redact
from workers.brokers.base import Broker
from workers.brokers.rate_limit_setting import OWN_RATE_LIMIT, own_rate_limit

BUILT_IN = {
    "alpaca": "workers.brokers.alpaca.broker:make",
    "binance": "workers.brokers.binance.broker:make",
    "ccxt": "workers.brokers.ccxt.broker:make",
    "http": "workers.brokers.rest.broker:make",
    "oanda": "workers.brokers.oanda.broker:make",
    "paper": "workers.brokers.paper.broker:make",
}
"""Name -> dotted path of the factory; imported only when an account uses it."""
ENTRY_POINT_GROUP = "proquant_bridge.brokers"


def make_broker(kind: str, settings: Mapping[str, str], account: str) -> Broker:
    """The broker of one account: the factory of `kind`, called with `settings` and the account's name as `account`.

    The setting OWN_BUDGET is the bridge's, whatever the kind, and the factory does not see it.
    Raises ConfigurationError for a kind that nobody knows, and where the factory refuses a setting.
    """
    if "account" in settings:
        raise ConfigurationError("The setting `account` cannot be chosen: the bridge sets it to the account's name.")
    redaction.add_settings(settings)
    factory = _factory(kind)
    for_factory = {name: value for name, value in settings.items() if name != OWN_RATE_LIMIT}
    try:
        own_rate_limit(settings)
        return factory({**for_factory, "account": account})
    except ValueError as error:
        raise ConfigurationError(f"The broker {kind} refuses its settings: {redact(str(error))}") from error


def known_kinds() -> list[str]:
    """The names that `make_broker` takes besides dotted paths, sorted."""
    return sorted(BUILT_IN.keys() | entry_points(group=ENTRY_POINT_GROUP).names)


def _factory(kind: str) -> Callable[[Mapping[str, str]], Broker]:
    point = _entry_point(kind)
    try:
        factory = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"The broker {kind} cannot be imported from {point.value}: {error}") from error
    if not callable(factory):
        raise ConfigurationError(f"The broker {kind} cannot be made: {point.value} is not callable.")
    return factory  # type: ignore[no-any-return]  # what an adapter hands back is proven by the conformance suite


def _entry_point(kind: str) -> EntryPoint:
    if kind in BUILT_IN:
        return EntryPoint(kind, BUILT_IN[kind], ENTRY_POINT_GROUP)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=kind):
        return point
    module, colon, name = kind.partition(":")
    if colon and all(part.isidentifier() for part in [*module.split("."), *name.split(".")]):
        return EntryPoint(kind, kind, ENTRY_POINT_GROUP)
    raise ConfigurationError(
        f"There is no broker {kind!r}. Known are {', '.join(known_kinds())}, or a path such as package.module:factory."
    )
