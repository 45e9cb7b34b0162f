"""What a broker said of a new account, in one sentence for the person who opens it. Pure."""

from typing import TYPE_CHECKING, assert_never

from workers.brokers.live_or_practice import MoneyKind

if TYPE_CHECKING:
    from workers.brokers.account_probe import Inspection

UNCHECKED = "Nothing was checked: the broker was not asked, and a worker will ask it what the account can trade."


def told(kind: str, found: "Inspection | None", briefly: bool) -> str:
    """The sentence; empty where somebody wants to hear `briefly` and nobody was asked: of the paper broker."""
    if found is None:
        return UNCHECKED
    return "" if briefly and found.account is None else sentence(kind, found)


def sentence(kind: str, found: "Inspection") -> str:
    """Whether it is live, the account's type and currency, how it holds positions, and how much it can trade."""
    parts = [_money(found.money_kind), *_account(found), _positions(found), f"{len(found.instruments)} instruments"]
    return f"Found at {kind}: {'; '.join(parts)}."


def _money(stakes: MoneyKind) -> str:
    match stakes:
        case MoneyKind.PRACTICE:
            return "practice, no real money"
        case MoneyKind.LIVE:
            return "LIVE, real money"
        case MoneyKind.LOCAL:
            return "practice or live, which nobody can tell of an address on this machine"
        case MoneyKind.UNTOLD:
            return "practice or live, which the settings do not say"
        case _:
            assert_never(stakes)


def _account(found: "Inspection") -> list[str]:
    if found.account is None:
        return []
    type_ = "" if found.account.type is None else f"{found.account.type} account "
    return [f"{type_}in {found.account.currency}"]


def _positions(found: "Inspection") -> str:
    if not found.nets_positions:
        return "hedging, each strategy's positions stand apart"
    if not found.opposite_sides:
        return "netting, strategies cannot hold opposite sides of one symbol"
    return "netting, one position a symbol"
