"""Receiver and worker give a SIGNAL_OPEN the same answer, wherever both know what it depends on."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.precheck import denial_of_open, not_covered, request_of_signal
from shared.accounts.accounts import AccountState
from shared.accounts.instrument import Instrument
from shared.domain import AccountId, Direction, EventType, Refusal, SignalEvent
from shared.situation.model import Situation
from tests.support.factories import ALWAYS, GOLD, LIMITS, NEVER, NOW, NOW_MS, situation, task
from workers.decision.open_checks import request_of_situation as request_of_worker
from workers.decision.planning import next_step
from workers.decision.steps import BrokerAnswers, Finish

TICKERS = ("XAUUSD", "EURUSD", "BTCUSD")
amounts = st.sampled_from([Decimal(text) for text in ("0.01", "0.5", "1", "1.01", "10", "1000", "1000.1")])
accounts = st.builds(
    AccountState,
    st.just(AccountId(1)),
    st.just("alice"),
    st.sampled_from([Decimal(text) for text in ("1", "0.1", "2", "101")]),
    st.sampled_from((False, False, False, True)),
    st.sampled_from((None, None, None, NOW_MS - 1, NOW_MS, NOW_MS + 1)),
)
signals = st.builds(
    SignalEvent,
    st.just(EventType.SIGNAL_OPEN),
    st.just(NOW_MS),
    st.just("s1"),
    st.just("Gold"),
    st.just("p1"),
    st.sampled_from(Direction),
    st.sampled_from(TICKERS),
    amounts,
)
instruments = st.builds(
    lambda minimum, maximum, step, hours: replace(GOLD, minimum=minimum, maximum=maximum, step=step, hours=hours),
    st.sampled_from((Decimal(1), Decimal("0.5"))),
    st.sampled_from((None, Decimal(1000), Decimal(10))),
    st.sampled_from((Decimal(1), Decimal("0.1"), Decimal("0.03"))),
    st.sampled_from((None, ALWAYS, ALWAYS, NEVER)),
)
listings = st.dictionaries(st.sampled_from(TICKERS), instruments, min_size=1).map(
    lambda listed: {ticker: replace(each, ticker=ticker, symbol=f"{ticker}.b") for ticker, each in listed.items()}
)


def situation_of(account: AccountState, signal: SignalEvent, listed: dict[str, Instrument]) -> Situation:
    """What the worker sees of the same signal at once: its strategy is flat and enabled."""
    return situation(
        EventType.SIGNAL_OPEN,
        task=task(
            moment=(signal.timestamp_ms, 1),
            direction=signal.direction,
            ticker=signal.ticker,
            quantity=signal.quantity,
        ),
        multiplier=account.multiplier,
        approved=account.accepts(signal.timestamp_ms),
        paused=account.paused,
        instrument=listed.get(signal.ticker),
    )


@settings(max_examples=1000)
@given(accounts, signals, listings)
def test_receiver_and_worker_refuse_the_same_opens_in_the_same_words(
    account: AccountState, signal: SignalEvent, listed: dict[str, Instrument]
) -> None:
    at_receipt = not_covered(account, signal) or denial_of_open(account, signal, listed, NOW)
    step = next_step(situation_of(account, signal, listed), BrokerAnswers(), NOW, LIMITS)
    assert at_receipt == (step.refusal if isinstance(step, Finish) else None)


@given(accounts, signals, listings)
def test_receiver_and_worker_ask_the_rules_the_same(
    account: AccountState, signal: SignalEvent, listed: dict[str, Instrument]
) -> None:
    s = situation_of(account, signal, listed)
    assert request_of_signal(account, signal, listed) == request_of_worker(s, NOW, LIMITS)


@given(accounts, signals, listings)
def test_what_is_not_covered_is_no_open_request_either(
    account: AccountState, signal: SignalEvent, listed: dict[str, Instrument]
) -> None:
    uncovered: Refusal | None = not_covered(account, signal)
    assert uncovered is None or denial_of_open(account, signal, listed, NOW) == uncovered
