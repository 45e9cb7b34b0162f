"""The four rules of the guide decide which notification the phone shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import ErrorType
from shared.proquant.answers import meaning
from tools.simulator import notifications
from tools.simulator.notification_rules import THE_NINE, Notification, judge
from tools.simulator.recipes import RECIPES

HEADERS = {"Content-Type": "application/json", "X-ProQuant-Error": "1"}
BODY = b'{"type": "MarketClosed"}'


def test_the_nine_are_those_of_the_guide() -> None:
    assert {each.value for each in THE_NINE} == {each.value for each in ErrorType}


def test_each_of_them_can_be_earned_on_the_page() -> None:
    assert set(RECIPES) == {each.value for each in THE_NINE}


@pytest.mark.parametrize("type_", sorted(THE_NINE))
def test_an_answer_that_keeps_all_four_rules_shows_its_own_type(type_: Notification) -> None:
    judged = judge(422, HEADERS, f'{{"type": "{type_}", "detail": "x"}}'.encode())
    assert judged.notification is type_
    assert [rule.kept for rule in judged.rules] == [True] * 4


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_below_400_nothing_is_shown_whatever_else_is_there(status: int) -> None:
    assert judge(status, HEADERS, BODY).notification is Notification.NONE


@pytest.mark.parametrize(
    ("broken", "headers", "body"),
    [
        (1, HEADERS | {"Content-Type": "text/html"}, BODY),
        (1, HEADERS | {"Content-Type": "application/problem+json"}, BODY),
        (1, {"X-ProQuant-Error": "1"}, BODY),
        (2, HEADERS | {"X-ProQuant-Error": "true"}, BODY),
        (2, {"Content-Type": "application/json"}, BODY),
        (3, HEADERS, b'{"type": "marketclosed"}'),
        (3, HEADERS, b'{"error": "MarketClosed"}'),
        (3, HEADERS, b'{"type": "generic"}'),
        (3, HEADERS, b'{"type": "none"}'),
        (3, HEADERS, b'{"type": ["MarketClosed"]}'),
        (3, HEADERS, b'["MarketClosed"]'),
        (3, HEADERS, b"[" * 100_000),
        (3, HEADERS, b"\xff"),
        (3, HEADERS, b""),
    ],
)
def test_an_error_that_breaks_one_rule_shows_the_generic_one_and_says_which(
    broken: int, headers: dict[str, str], body: bytes
) -> None:
    judged = judge(400, headers, body)
    assert judged.notification is Notification.GENERIC
    assert [number for number, rule in enumerate(judged.rules) if not rule.kept] == [broken]


def test_a_character_set_and_the_case_of_names_do_not_matter() -> None:
    headers = {"CONTENT-TYPE": "Application/JSON; charset=utf-8", "x-PROQUANT-error": " 1 "}
    assert judge(503, headers, BODY).notification is Notification.MARKET_CLOSED


@given(
    status=st.integers(100, 599),
    media_type=st.sampled_from(["application/json", "application/json;charset=utf-8", "text/html", "", "json"]),
    error=st.sampled_from(["1", "0", "", " 1", "true"]),
    body=st.sampled_from([b"", b"{}", b'{"type":1}', *(f'{{"type":"{each}"}}'.encode() for each in THE_NINE)]),
)
def test_the_bridge_and_the_simulator_read_the_guide_alike(
    status: int, media_type: str, error: str, body: bytes
) -> None:
    headers = {"content-type": media_type, "x-proquant-error": error}
    assert judge(status, headers, body).notification.value == meaning(status, headers, body)


@pytest.mark.parametrize("notification", sorted(set(Notification) - {Notification.NONE}))
def test_every_notification_has_words_of_its_own(notification: Notification) -> None:
    sentence = notifications.text(notification, "Foo Bar FX", "OPEN BUY 10 XAUUSD")
    assert "Foo Bar FX" in sentence
    assert "OPEN BUY 10 XAUUSD" in sentence or "{what}" not in sentence
    assert len(set(notifications.TITLE.values())) == len(notifications.TITLE)
