"""A broker, or a proxy before it, that echoes our request: no secret of the account is in what we say of it."""

import io
import json
import time
import traceback
from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest
import structlog

from shared import logs
from shared.domain import ClientOrderId, Direction, Leg
from tests.simulators.server import Answer, Call, Simulator
from workers.brokers.base import Broker, BrokerError, OrderRequest
from workers.brokers.registry import make_broker

FIRST, SECOND = "first-Canary_0f49b1c83a5d", "second-Canary_77aa02de9c41"
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "http": {"token": FIRST},
    "oanda": {"token": FIRST, "account_id": "101-004-1-001"},
    "alpaca": {"key_id": FIRST, "secret_key": SECOND},
    "binance": {"api_key": FIRST, "api_secret": SECOND},
}
ORDER = OrderRequest(ClientOrderId("pq-1"), "XAU", Direction.BUY, Decimal(10), Leg.OPEN, "s1", "p1", mark="1")
ASKED: Mapping[str, Callable[[Broker], object]] = {
    "account": lambda broker: broker.account(),
    "instruments": lambda broker: broker.instruments(),
    "positions": lambda broker: broker.positions(),
    "submit": lambda broker: broker.submit(ORDER),
    "find": lambda broker: broker.find(ORDER),
}


def echo(kind: str, status: int, seen: list[str]) -> Callable[[Call], Answer]:
    """Answers with all that it was sent, in the places where each vendor has its words."""

    def answer(call: Call) -> Answer:
        if call.path == "/fapi/v1/time":  # without it Binance's adapter signs nothing
            return Answer(200, {"serverTime": int(time.time() * 1000)})
        seen.append(call.query.get("signature", ""))
        words = f"you sent {dict(call.headers)} {call.query} {call.body!r} {' '.join(SETTINGS[kind].values())}"
        body = {"message": words, "msg": words, "code": -1, "errorMessage": words, "type": "other", "detail": words}
        return Answer(status, body, {"Content-Type": "application/problem+json"})

    return answer


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", SETTINGS)
def test_no_secret_is_in_what_an_adapter_raises_or_logs(
    kind: str, asked: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setenv("BRIDGE_LOG_FORMAT", "json")
    logs.configure()
    signatures: list[str] = []
    with Simulator(echo(kind, status, signatures), lambda _: False).running() as simulator:
        broker = make_broker(kind, {**SETTINGS[kind], "base_url": simulator.url}, "alice")
        try:
            said = repr(ASKED[asked](broker))
        except BrokerError as error:
            said = str(error) + repr(error) + "".join(traceback.format_exception_only(error))
            structlog.get_logger().exception("An adapter broke its contract.", reason=said)
        broker.close()
    for text in (said, written.getvalue()):
        assert [secret for secret in (FIRST, SECOND, *filter(None, signatures)) if secret[:8] in text] == []
    assert any(signatures) or kind != "binance" or asked in {"instruments", "submit"}


def test_what_is_logged_with_a_traceback_shows_no_secret_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of a library may quote what it could not read."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setenv("BRIDGE_LOG_FORMAT", "json")
    logs.configure()
    make_broker("http", {"base_url": "http://127.0.0.1:1", "token": FIRST}, "alice").close()
    try:
        dict[str, str]()[f"Bearer {FIRST}"]
    except KeyError:
        structlog.get_logger().exception("It failed.", sent=f"Authorization: Bearer {FIRST}")
    line = json.loads(written.getvalue())
    assert "[secret]" in line["exception"]
    assert line["sent"] == "Authorization: Bearer [secret]"
