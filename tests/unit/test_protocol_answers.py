"""Our answers, and what they make ProQuant show: the nine types arrive as themselves, all else as the generic one."""

import json

import pytest

from shared.domain import AnyError, ErrorType, GenericError
from shared.proquant.answers import DETAIL, GENERIC_NOTIFICATION, NO_NOTIFICATION, STATUS, accepted, meaning, reply_for

EVERY: list[AnyError] = [*ErrorType, *GenericError]
JSON = {"content-type": "application/json", "x-proquant-error": "1"}
GOOD = b'{"type":"MarketClosed","detail":"x"}'


def test_every_error_has_a_status_and_a_sentence() -> None:
    assert set(STATUS) == set(DETAIL) == set(EVERY)
    assert all(400 <= status < 600 for status in STATUS.values())
    assert all(detail.endswith(".") for detail in DETAIL.values())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("InvalidCredentials", 401),
        ("UnsupportedInstrument", 422),
        ("QuantityTooLow", 422),
        ("QuantityTooHigh", 422),
        ("InvalidQuantityPrecision", 422),
        ("InsufficientFunds", 422),
        ("PositionAlreadyExists", 409),
        ("PositionNotFound", 409),
        ("MarketClosed", 409),
    ],
)
def test_each_of_the_nine_is_answered_as_the_guide_asks(error: str, status: int) -> None:
    reply = reply_for(ErrorType(error), "Why.")
    assert reply.status == status
    assert dict(reply.headers) == JSON
    assert reply.body == f'{{"type":"{error}","detail":"Why."}}'.encode()


@pytest.mark.parametrize("error", GenericError)
def test_any_other_error_is_json_without_the_error_header(error: GenericError) -> None:
    reply = reply_for(error, "Why.")
    assert reply.status == STATUS[error]
    assert json.loads(reply.body) == {"error": error.value, "detail": "Why."}
    assert dict(reply.headers)["content-type"] == "application/json"
    assert "x-proquant-error" not in dict(reply.headers)


def test_only_unavailable_says_when_to_come_back() -> None:
    told = {error for error in EVERY if "retry-after" in dict(reply_for(error).headers)}
    assert told == {GenericError.UNAVAILABLE}


@pytest.mark.parametrize("error", EVERY)
def test_without_a_detail_the_error_has_its_own_sentence(error: AnyError) -> None:
    assert json.loads(reply_for(error).body)["detail"] == DETAIL[error]


def test_accepted_is_200_with_an_empty_body() -> None:
    assert (accepted().status, accepted().body) == (200, b"")


@pytest.mark.parametrize("error", EVERY)
def test_what_we_answer_means_to_proquant_what_we_meant(error: AnyError) -> None:
    reply = reply_for(error)
    expected = error.value if isinstance(error, ErrorType) else GENERIC_NOTIFICATION
    assert meaning(reply.status, dict(reply.headers), reply.body) == expected


@pytest.mark.parametrize(
    ("status", "headers", "body", "shown"),
    [
        (200, JSON, GOOD, NO_NOTIFICATION),
        (399, JSON, GOOD, NO_NOTIFICATION),
        (400, JSON, GOOD, "MarketClosed"),
        (599, {"Content-Type": "Application/JSON; charset=utf-8", "X-ProQuant-Error": " 1 "}, GOOD, "MarketClosed"),
        (400, {"content-type": "application/json"}, GOOD, GENERIC_NOTIFICATION),
        (400, JSON | {"x-proquant-error": "true"}, GOOD, GENERIC_NOTIFICATION),
        (400, JSON | {"content-type": "text/html"}, GOOD, GENERIC_NOTIFICATION),
        (400, {"x-proquant-error": "1"}, GOOD, GENERIC_NOTIFICATION),
        (400, JSON, b'{"type":"marketclosed"}', GENERIC_NOTIFICATION),
        (400, JSON, b'{"type":["MarketClosed"]}', GENERIC_NOTIFICATION),
        (400, JSON, b'{"error":"MarketClosed"}', GENERIC_NOTIFICATION),
        (400, JSON, b'["MarketClosed"]', GENERIC_NOTIFICATION),
        (502, JSON, b"<html>", GENERIC_NOTIFICATION),
        (400, JSON, b"", GENERIC_NOTIFICATION),
    ],
)
def test_the_guides_four_rules_decide_what_is_shown(
    status: int, headers: dict[str, str], body: bytes, shown: str
) -> None:
    assert meaning(status, headers, body) == shown
