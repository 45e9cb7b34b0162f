"""Bodies as senders really write them: what only decorates a signal never refuses it, and what is held is closed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.proquant.request import signal_body
from tests.support.in_process_bridge import Bridge, lifecycle, signal

Body = dict[str, Any]
Oddity = Callable[[Body], None]


def data(body: Body) -> Body:
    found: Body = body["v1"]["event"]["data"]
    return found


def named(name: object) -> Oddity:
    return lambda body: data(body)["strategy"].update(name=name)


def member(**members: object) -> Oddity:
    return lambda body: data(body).update(members)


def without(name: str) -> Oddity:
    return lambda body: data(body).pop(name)


def described(text: object) -> Oddity:
    return lambda body: body["v1"]["event"].update(integration={"description": text, "userEmail": text})


def beside(**versions: object) -> Oddity:
    return lambda body: body.update(versions)


DECORATION: dict[str, Oddity] = {
    "half an emoji in the name": named("Gold \ud83d"),
    "a line break in the name": named("Gold\r\nrush"),
    "three hundred letters": named("x" * 300),
    "a number for a name": named(7),
    "half an emoji in what is dropped": described("\ud83d \0"),
    "a number that no decimal holds": member(profit=5.551115123125783e-17, volume=1e21, loss=float("nan")),
    "a number of many digits": member(volume=int("9" * 60)),
    "an odd number in a version that is not read": beside(v2={"event": {"quantity": 1e-30}}),
    "a deprecation that is none": lambda body: body["v1"].update(deprecation=1e300),
}
LEFT_OUT: dict[str, Oddity] = {
    "quantity 0": member(quantity=0),
    "quantity null": member(quantity=None),
    "no quantity": without("quantity"),
    "quantity -1": member(quantity=-1),
    "quantity as text": member(quantity="1"),
    "quantity out of bounds": member(quantity=1e30),
    "ticker with a plus": member(ticker="XAUUSD+"),
    "ticker null": member(ticker=None),
    "ticker with half an emoji": member(ticker="XAU\ud83d"),
    "ticker too long": member(ticker="X" * 65),
    "direction in small letters": member(direction="buy"),
    "no direction": without("direction"),
}


def odd(event: bytes, *oddities: Oddity) -> bytes:
    body = json.loads(event)
    for oddity in oddities:
        oddity(body)
    return json.dumps(body).encode()


@pytest.mark.parametrize("what", DECORATION)
def test_what_decorates_a_signal_never_refuses_it(bridge: Bridge, what: str) -> None:
    oddity = DECORATION[what]
    assert bridge.post(odd(signal_body(signal("SIGNAL_OPEN")), oddity)).status_code == 200
    assert bridge.post(odd(signal_body(signal("SIGNAL_CLOSE")), oddity)).status_code == 200
    assert bridge.trades() == ["BUY 10 p1", "SELL 10 p1"]


@pytest.mark.parametrize(
    "what", [name for name, _ in DECORATION.items() if "name" not in name and "letters" not in name]
)
def test_the_end_of_an_integration_is_heard_however_it_is_decorated(bridge: Bridge, what: str) -> None:
    """It was 400, and the next OPEN was executed although the user had withdrawn."""
    body = json.loads(signal_body(lifecycle("INTEGRATION_DELETED")))
    body["v1"]["event"]["data"] = {}
    DECORATION[what](body)
    assert bridge.post(json.dumps(body).encode()).status_code == 200
    assert bridge.post(signal("SIGNAL_OPEN")).status_code == 401
    assert bridge.trades() == []


@pytest.mark.parametrize("what", LEFT_OUT)
def test_a_close_closes_what_is_held_whatever_it_names(bridge: Bridge, what: str) -> None:
    assert bridge.post(signal("SIGNAL_OPEN")).status_code == 200
    assert bridge.post(odd(signal_body(signal("SIGNAL_CLOSE")), LEFT_OUT[what])).status_code == 200
    assert bridge.trades() == ["BUY 10 p1", "SELL 10 p1"]
    assert bridge.open_positions() == []


REFUSED = {"quantity": (422, "QuantityTooLow"), "ticker": (422, "UnsupportedInstrument"), "direction": (400, None)}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_a_reopen_closes_and_refuses_to_open_what_cannot_be_read(bridge: Bridge, what: str) -> None:
    assert bridge.post(signal("SIGNAL_OPEN")).status_code == 200
    answer = bridge.post(odd(signal_body(signal("SIGNAL_REOPEN", "p2")), LEFT_OUT[what]))
    expected = next(refused for part, refused in REFUSED.items() if part in what)
    assert (answer.status_code, answer.json and answer.json.get("type")) == expected
    assert bridge.trades() == ["BUY 10 p1", "SELL 10 p2"]
    assert [alert.kind for alert in bridge.alerts()] == ["flat_not_reversed"]


@pytest.mark.parametrize("what", [*LEFT_OUT])
def test_an_open_is_refused_for_what_it_has_to_name(bridge: Bridge, what: str) -> None:
    answer = bridge.post(odd(signal_body(signal("SIGNAL_OPEN")), LEFT_OUT[what]))
    assert answer.status_code == (422 if what == "ticker with a plus" else 400)
    assert bridge.trades() == []


def test_a_key_that_is_there_twice_is_refused_only_where_it_is_read(bridge: Bridge) -> None:
    body = signal_body(signal("SIGNAL_OPEN"))
    assert bridge.post(body.replace(b'"data":', b'"more":1,"more":2,"data":')).status_code == 200
    twice = signal_body(signal("SIGNAL_OPEN", "p9", strategy_id="s9")).replace(
        b'"quantity":', b'"quantity":1,"quantity":'
    )
    answer = bridge.post(twice)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["detail"] == "v1.event.data.quantity: is there twice"


def test_a_byte_order_mark_and_bytes_that_are_no_utf_8_are_read_past(bridge: Bridge) -> None:
    body = signal_body(signal("SIGNAL_OPEN")).replace(b'"Gold"', b'"G\xf6ld"')
    assert bridge.post(b"\xef\xbb\xbf" + body).status_code == 200
    assert bridge.trades() == ["BUY 10 p1"]
