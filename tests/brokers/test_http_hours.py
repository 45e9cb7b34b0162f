"""Weekly hours that a company's system gives: stored for the receiver's check, read strictly, asked where absent."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.accounts import accounts, instruments
from shared.accounts.instrument import TradingHours
from shared.database.engine import Sessions
from shared.domain import AccountId
from tests.contract.rest_bench import TOKEN, Judged, contract
from tests.simulators.server import Answer, Call, Simulator
from tests.support.in_process_bridge import Bridge, running, signal
from workers.brokers.paper.broker import make as make_paper
from workers.brokers.rest import translate, wording
from workers.brokers.rest.reference import make_app

GOLD = {"ticker": "XAUUSD", "symbol": "XAU", "minimum": "1", "maximum": "500", "step": "0.5", "currency": "USD"}
FAR_END = "far-end"


def listed(hours: object) -> TradingHours | None:
    return translate.instruments({"instruments": [GOLD | {"hours": hours}]})[0].hours


@pytest.mark.parametrize(
    "sessions", [(), ((0, 1),), ((10079, 20159),), ((0, 10080),), ((0, 60), (1440, 1500))], ids=str
)
def test_hours_come_back_as_they_were_sent(sessions: tuple[tuple[int, int], ...]) -> None:
    hours = listed([list(session) for session in sessions])
    assert hours == TradingHours(sessions)
    sent = translate.instruments({"instruments": [GOLD | {"hours": [list(session) for session in sessions]}]})[0]
    assert translate.instruments({"instruments": [wording.instrument(sent)]}) == [sent]


def test_hours_that_are_not_given_are_not_known() -> None:
    assert listed(None) is None
    assert translate.instruments({"instruments": [GOLD]})[0].hours is None


@pytest.mark.parametrize(
    "odd",
    [
        *("always", {}, [5], [[1]], [[1, 2, 3]], [[2, 1]], [[1, 1]], [[-1, 5]], [[10080, 10081]], [[0, 10081]]),
        *([["0", "5"]], [[0.0, 5.0]], [[False, True]], [[0, 5], None]),
    ],
    ids=str,
)
def test_odd_hours_make_the_list_unreadable(odd: object) -> None:
    with pytest.raises(ValueError, match="hours is no list of sessions"):
        listed(odd)


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
def bridge(
    sessions: Sessions, database_url: str, calls: list[Call], request: pytest.FixtureRequest
) -> Iterator[Bridge]:
    """In front of the reference implementation, whose paper broker keeps the hours that the test names."""
    paper = make_paper({"database_url": database_url, "hours": request.param, "account": FAR_END})
    violations: list[str] = []
    judged = Judged(make_app(paper, TOKEN).test_client(), contract(), violations)

    def answer(call: Call) -> Answer:
        calls.append(call)
        return judged(call)

    with Simulator(answer, lambda _: False).running() as server, running(sessions, database_url) as ready:
        ready.open_account(kind="http", base_url=server.url, token=TOKEN)
        yield ready
    paper.close()
    assert violations == []


def asked(calls: list[Call]) -> int:
    return len([call for call in calls if call.path.endswith("/market")])


@pytest.mark.parametrize("bridge", ["closed"], indirect=True)
def test_a_signal_outside_the_hours_is_refused_without_asking_the_broker(bridge: Bridge, calls: list[Call]) -> None:
    before = len(calls)
    answer = bridge.post(signal("SIGNAL_OPEN"))
    assert (answer.status_code, answer.get_json()["type"]) == (409, "MarketClosed")
    assert len(calls) == before
    assert bridge.events() == []


@pytest.mark.parametrize("bridge", ["closed"], indirect=True)
def test_where_no_hours_are_known_the_worker_asks(bridge: Bridge, calls: list[Call]) -> None:
    with bridge.sessions.begin() as session:
        account = AccountId(accounts.named(session, "alice").id)
        known = instruments.of_account(session, account).values()
        instruments.replace(session, account, [replace(each, hours=None) for each in known])
    answer = bridge.post(signal("SIGNAL_OPEN"))
    assert (answer.status_code, answer.get_json()["type"]) == (409, "MarketClosed")
    assert asked(calls) == 1
    assert len(bridge.events()) == 1
