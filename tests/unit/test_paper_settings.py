"""What the settings of a paper account may say, and how an odd one is refused."""

from decimal import Decimal

import pytest

from workers.brokers.base import Dedupe
from workers.brokers.paper.catalogue import Hours
from workers.brokers.paper.settings import PaperSettings, parse


def test_the_defaults_are_a_hundred_thousand_dollars_at_market_hours() -> None:
    settings = parse({"account": "demo"})
    assert (settings.balance, settings.currency, settings.hours) == (Decimal(100_000), "USD", Hours.MARKET)
    assert (settings.dedupe, settings.script, settings.latency) == (Dedupe.LIFETIME, (), 0)


def test_every_setting_is_read() -> None:
    settings = parse(
        {
            "account": "demo",
            "database_url": "postgresql://x/y",
            "balance": "2500.50",
            "currency": "EUR",
            "hours": "closed",
            "latency_ms": "250",
            "seed": "-3",
            "dedupe": "while_open",
            "settle_seconds": "1.5",
            "script": "ok,cancelled",
        }
    )
    assert settings == PaperSettings(
        account="demo",
        database_url="postgresql://x/y",
        balance=Decimal("2500.50"),
        currency="EUR",
        hours=Hours.CLOSED,
        latency=0.25,
        seed=-3,
        dedupe=Dedupe.WHILE_OPEN,
        settle_seconds=1.5,
        script=settings.script,
    )
    assert [str(entry) for entry in settings.script] == ["ok", "cancelled"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("balance", "much"), ("balance", "-1"), ("balance", "NaN"), ("balance", "Infinity"), ("balance", "1e16"),
        ("currency", "XXX"), ("currency", "usd"), ("hours", "never"), ("latency_ms", "-1"), ("latency_ms", "10001"),
        ("latency_ms", "nan"), ("seed", "1.5"), ("dedupe", "always"), ("settle_seconds", "x"), ("database_url", " "),
        ("script", "explode"), ("account", ""), ("leverage", "30"),
    ],
)  # fmt: skip
def test_an_odd_value_is_refused_by_the_settings_name(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        parse({"account": "demo", name: text})


def test_the_account_is_required() -> None:
    with pytest.raises(ValueError, match=r"^account: "):
        parse({})


def test_the_database_url_is_not_shown() -> None:
    assert "secret" not in repr(parse({"account": "demo", "database_url": "postgresql://u:secret@h/d"}))
