"""Every row of the table of Alpaca's refusals, read from bodies as the vendor writes them."""

import json
from decimal import Decimal
from typing import Any

import pytest

from shared.domain import ErrorType, Leg
from workers.brokers.alpaca.errors import RULES, RefusalRule, is_absent, is_duplicate, verdict
from workers.brokers.http_client import BrokerReply

FUNDS, LOW, HIGH = ErrorType.INSUFFICIENT_FUNDS, ErrorType.QUANTITY_TOO_LOW, ErrorType.QUANTITY_TOO_HIGH
PRECISION, INSTRUMENT = ErrorType.INVALID_QUANTITY_PRECISION, ErrorType.UNSUPPORTED_INSTRUMENT
CLOSED, GONE, KEYS = ErrorType.MARKET_CLOSED, ErrorType.POSITION_NOT_FOUND, ErrorType.INVALID_CREDENTIALS
NOTHING_THERE = "insufficient qty available for order (requested: 10, available: 0)"
BODIES: list[tuple[int, dict[str, Any], Leg, ErrorType | None]] = [
    (
        403,
        {
            "buying_power": "176531.28",
            "code": 40310000,
            "cost_basis": "48640000",
            "message": "insufficient buying power",
        },
        Leg.OPEN,
        FUNDS,
    ),
    (403, {"code": 40310000, "message": "insufficient day trading buying power"}, Leg.OPEN, FUNDS),
    (
        403,
        {"code": 40310000, "message": "insufficient balance for USD (requested: 5, available: 0)"},
        Leg.OPEN,
        FUNDS,
    ),
    (403, {"code": 40310000, "message": "cost basis must be >= minimal amount of order 1"}, Leg.OPEN, LOW),
    (403, {"code": 40310000, "message": "cost basis must be >= minimal amount of order 10"}, Leg.CLOSE, LOW),
    (422, {"code": 42210000, "message": "qty must be > 0"}, Leg.OPEN, LOW),
    (422, {"code": 42210000, "message": "qty must be <= 10000000"}, Leg.OPEN, HIGH),
    (422, {"code": 40010001, "message": "qty must be integer"}, Leg.OPEN, PRECISION),
    (403, {"code": 40310000, "message": "fractional orders are not allowed to short"}, Leg.OPEN, PRECISION),
    (422, {"code": 42210000, "message": "fractional orders cannot be sold short"}, Leg.OPEN, PRECISION),
    (403, {"code": 40310000, "message": 'asset "BRK.A" is not fractionable'}, Leg.OPEN, PRECISION),
    (422, {"code": 42210000, "message": "invalid qty increment"}, Leg.OPEN, PRECISION),
    (422, {"code": 42210000, "message": "invalid symbol: NOSUCH"}, Leg.OPEN, INSTRUMENT),
    (422, {"code": 42210000, "message": 'asset "GONE" is not active'}, Leg.OPEN, INSTRUMENT),
    (422, {"code": 42210000, "message": 'asset "GONE" cannot be sold short'}, Leg.OPEN, INSTRUMENT),
    (404, {"code": 40410000, "message": "asset not found for NOSUCH"}, Leg.OPEN, INSTRUMENT),
    (403, {"code": 40310000, "message": "account is not allowed to short"}, Leg.OPEN, INSTRUMENT),
    (422, {"code": 40010001, "message": "us_equity orders not allowed for account"}, Leg.OPEN, INSTRUMENT),
    (403, {"code": 40310000, "message": "market is closed"}, Leg.OPEN, CLOSED),
    (404, {"code": 40410000, "message": "position does not exist"}, Leg.CLOSE, GONE),
    (422, {"code": 42210000, "message": "position intent mismatch, inferred: sell_to_open"}, Leg.CLOSE, GONE),
    (422, {"code": 42210000, "message": "position intent mismatch, inferred: sell_to_close"}, Leg.OPEN, None),
    (403, {"code": 40310000, "message": NOTHING_THERE, "existing_qty": "0", "held_for_orders": "0"}, Leg.CLOSE, GONE),
    (403, {"code": 40310000, "message": NOTHING_THERE, "existing_qty": "10", "held_for_orders": "10"}, Leg.CLOSE, None),
    (403, {"code": 40310000, "message": NOTHING_THERE.replace("0)", "0.000)")}, Leg.CLOSE, GONE),
    (403, {"code": 40310000, "message": NOTHING_THERE.replace("0)", "0.5)")}, Leg.CLOSE, None),
    (403, {"code": 40310000, "message": "insufficient balance for BTC (requested: 1, available: 0)"}, Leg.CLOSE, GONE),
    (
        403,
        {"code": 40310000, "message": "insufficient balance for BTC (requested: 1, available: .4)"},
        Leg.CLOSE,
        None,
    ),
    (401, {"code": 40110000, "message": "request is not authorized"}, Leg.OPEN, KEYS),
    (401, {"message": "unauthorized."}, Leg.CLOSE, KEYS),
    (403, {"message": "forbidden."}, Leg.OPEN, KEYS),
    (403, {"code": 40310000, "message": "account is restricted"}, Leg.OPEN, KEYS),
    (403, {"code": 40310000, "message": "potential wash trade detected. use complex orders"}, Leg.OPEN, None),
    (422, {"code": 42210000, "message": "potential wash trade detected. use complex orders"}, Leg.OPEN, None),
    (403, {"code": 40310100, "message": "trade denied due to pattern day trading protection"}, Leg.OPEN, None),
]


def reply(status: int, body: object) -> BrokerReply:
    text = json.dumps(body)
    return BrokerReply(status, {}, json.loads(text, parse_float=Decimal), text)


@pytest.mark.parametrize(("status", "body", "leg", "type_"), BODIES)
def test_a_refusal_means_what_the_table_says(
    status: int, body: dict[str, Any], leg: Leg, type_: ErrorType | None
) -> None:
    said = verdict(reply(status, body), leg)
    assert (said.type, said.listed) == (type_, True)
    assert body["message"] in said.reason
    assert str(status) in said.reason


@pytest.mark.parametrize("rule", RULES)
def test_every_row_of_the_table_decides_something(rule: RefusalRule) -> None:
    """Without the row, a body of the list above would mean something else, or nothing that anybody thought about."""
    others = tuple(each for each in RULES if each is not rule)
    changed = [
        body
        for status, body, leg, _ in BODIES
        if verdict(reply(status, body), leg, others) != verdict(reply(status, body), leg)
    ]
    assert changed


@pytest.mark.parametrize(
    "body", [{"code": 49999999, "message": "brand new"}, {"message": 7}, {"code": "x"}, [], "text"]
)
def test_a_refusal_that_is_not_in_the_table_says_so(body: object) -> None:
    said = verdict(reply(422, body), Leg.OPEN)
    assert (said.type, said.listed) == (None, False)


def test_a_long_message_is_cut() -> None:
    assert len(verdict(reply(422, {"code": 1, "message": "x" * 10_000}), Leg.OPEN).reason) < 400


@pytest.mark.parametrize("words", ["client_order_id must be unique", "client order id must be unique"])
def test_a_duplicate_is_known_in_both_wordings(words: str) -> None:
    assert is_duplicate(reply(422, {"code": 40010001, "message": words}))
    assert not is_duplicate(reply(422, {"code": 40010001, "message": "us_equity orders not allowed for account"}))
    assert not is_duplicate(reply(403, {"code": 40310000, "message": words}))


@pytest.mark.parametrize(
    ("status", "body", "absent"),
    [
        (404, {"code": 40410000, "message": "order not found for pq-1"}, True),
        (404, {"code": 40410000, "message": "endpoint not found."}, False),
        (404, {"message": "not found"}, False),
        (404, None, False),
        (410, {"code": 40410000, "message": "order not found"}, False),
    ],
)
def test_absence_is_believed_only_in_alpacas_own_words(status: int, body: object, absent: bool) -> None:
    assert is_absent(reply(status, body)) is absent
