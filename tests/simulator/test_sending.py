"""What goes out, in which order, and what is remembered of it."""

import threading

import pytest

from shared.domain import EventType
from tests.simulator.stage import GOLD, TOKEN, Webhook, error, onboarded
from tests.support.eventually import eventually
from tools.http_post import HttpAnswer
from tools.simulator.app import Simulator
from tools.simulator.misbehaviour import Misbehaviour
from tools.simulator.model import NotPossible, WebhookCall

PATIENCE_SECONDS = 10.0
OPEN, CLOSE, REOPEN = EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN


def calls(simulator: Simulator) -> list[WebhookCall]:
    """What is remembered once all has been sent, oldest first."""
    simulator.sender.idle()
    return list(reversed(simulator.state.view().calls))


def test_a_whole_life_is_sent_in_order_with_the_headers_of_the_request(simulator: Simulator, webhook: Webhook) -> None:
    integration, strategy = onboarded(simulator)
    for type_ in (OPEN, REOPEN, CLOSE):
        simulator.app_user.signal(strategy, type_, GOLD)
    simulator.app_user.enable(strategy, integration, False)
    simulator.app_user.say(integration, EventType.INTEGRATION_DELETED)
    simulator.sender.idle()
    assert webhook.types() == [
        *("INTEGRATION_APPROVED", "STRATEGY_ENABLED", "SIGNAL_OPEN", "SIGNAL_REOPEN", "SIGNAL_CLOSE"),
        *("STRATEGY_DISABLED", "INTEGRATION_DELETED"),
    ]
    assert {headers["Authorization"] for _, _, headers in webhook.got} == {f"Bearer {TOKEN}"}
    times = [body["v1"]["event"]["timestamp"] for _, body, _ in webhook.got]
    assert times == sorted(set(times))


def test_a_close_names_the_position_that_is_held_and_a_reopen_turns_it_round(
    simulator: Simulator, webhook: Webhook
) -> None:
    _, strategy = onboarded(simulator)
    for type_ in (OPEN, REOPEN, CLOSE):
        simulator.app_user.signal(strategy, type_, GOLD)
    simulator.sender.idle()
    said = [body["v1"]["event"]["data"] for _, body, _ in webhook.got[2:]]
    assert [each["direction"] for each in said] == ["BUY", "SELL", "SELL"]
    assert said[0]["proquantPositionId"] != said[1]["proquantPositionId"] == said[2]["proquantPositionId"]
    assert simulator.state.strategy(strategy).held is None


def test_nobody_is_told_who_has_not_approved_or_not_enabled(simulator: Simulator, webhook: Webhook) -> None:
    integration, strategy = onboarded(simulator)
    other = list(simulator.state.view().strategies)[1]
    with pytest.raises(NotPossible, match="nobody"):
        simulator.app_user.signal(other, OPEN, GOLD)
    simulator.app_user.say(integration, EventType.INTEGRATION_DELETED)
    with pytest.raises(NotPossible, match="nobody"):
        simulator.app_user.signal(strategy, OPEN, GOLD)
    with pytest.raises(NotPossible, match="is deleted, not requested"):
        simulator.app_user.say(integration, EventType.INTEGRATION_APPROVED)
    simulator.sender.idle()
    assert "SIGNAL_OPEN" not in webhook.types()


def test_a_sender_that_forgets_deletions_goes_on(simulator: Simulator, webhook: Webhook) -> None:
    integration, strategy = onboarded(simulator)
    simulator.app_user.behave(Misbehaviour(after_deletion=True))
    simulator.app_user.say(integration, EventType.INTEGRATION_DELETED)
    simulator.app_user.signal(strategy, OPEN, GOLD)
    simulator.sender.idle()
    assert webhook.types()[-2:] == ["INTEGRATION_DELETED", "SIGNAL_OPEN"]


def test_the_answer_is_kept_with_what_the_phone_shows_for_it(simulator: Simulator, webhook: Webhook) -> None:
    _, strategy = onboarded(simulator)
    simulator.sender.idle()
    webhook.answers = [error(409, "MarketClosed"), HttpAnswer(500, {}, b"oops"), None]
    for _ in range(3):
        simulator.app_user.signal(strategy, OPEN, GOLD)
    shown = [call.judgement.notification for call in calls(simulator) if call.judgement]
    assert shown == ["none", "none", "MarketClosed", "generic", "generic"]
    assert [call.answer.status if call.answer else None for call in calls(simulator)] == [200, 200, 409, 500, None]


def test_no_secret_is_kept_of_a_call_even_where_the_answer_has_it(simulator: Simulator, webhook: Webhook) -> None:
    _, strategy = onboarded(simulator, name="masked")
    simulator.sender.idle()
    webhook.answers = [HttpAnswer(200, {"x-echo": f"Bearer {TOKEN}"}, f"you said {TOKEN}".encode()), None]
    simulator.app_user.signal(strategy, OPEN, GOLD)
    simulator.app_user.signal(strategy, CLOSE, GOLD)
    assert len(calls(simulator)) == 4
    assert TOKEN not in repr(simulator.state.view())
    client = simulator.app.test_client()
    for page in ("/", "/calls", "/live?since=-1"):
        assert TOKEN not in client.get(page).text
    assert '"Authorization": "Bearer ********"' in client.get("/calls").get_data(as_text=True).replace("&#34;", '"')


def test_duplicates_are_the_same_event_again(simulator: Simulator, webhook: Webhook) -> None:
    _, strategy = onboarded(simulator)
    simulator.app_user.behave(Misbehaviour(duplicates=1))
    simulator.app_user.signal(strategy, OPEN, GOLD)
    assert [call.label for call in calls(simulator)[2:]] in (["", "duplicate"], ["duplicate", ""])
    assert webhook.got[2] == webhook.got[3]


def test_what_is_held_back_is_overtaken_by_the_next_event(simulator: Simulator, webhook: Webhook) -> None:
    _, strategy = onboarded(simulator)
    simulator.sender.idle()
    with simulator.state.lock:
        simulator.app_user.behave(Misbehaviour(reordering=1))
        simulator.app_user.signal(strategy, OPEN, GOLD)
        simulator.app_user.signal(strategy, CLOSE, GOLD)
    simulator.sender.idle()
    assert webhook.types()[-2:] == ["SIGNAL_CLOSE", "SIGNAL_OPEN"]


def test_what_is_held_back_goes_by_itself_when_nothing_follows(simulator: Simulator, webhook: Webhook) -> None:
    _, strategy = onboarded(simulator)
    simulator.app_user.behave(Misbehaviour(reordering=1))
    simulator.app_user.signal(strategy, OPEN, GOLD)
    simulator.sender.idle()
    assert webhook.types()[-1] == "SIGNAL_OPEN"


@pytest.mark.parametrize(("retries", "sent"), [(False, 1), (True, 3)])
def test_it_is_sent_again_after_a_5xx_or_no_answer_only_where_that_was_asked_for(
    simulator: Simulator, webhook: Webhook, retries: bool, sent: int
) -> None:
    _, strategy = onboarded(simulator)
    simulator.sender.idle()
    simulator.app_user.behave(Misbehaviour(retries=retries))
    webhook.answers = [HttpAnswer(503, {}, b""), None, HttpAnswer(422, {}, b"")]
    simulator.app_user.signal(strategy, OPEN, GOLD)
    assert [call.label for call in calls(simulator)[2:]] == ["", "retry 1", "retry 2"][:sent]


def test_retries_end(simulator: Simulator, webhook: Webhook) -> None:
    _, strategy = onboarded(simulator)
    simulator.sender.idle()
    simulator.app_user.behave(Misbehaviour(retries=True))
    webhook.answers = [HttpAnswer(500, {}, b"")] * 9
    simulator.app_user.signal(strategy, OPEN, GOLD)
    assert len(calls(simulator)[2:]) == 4


def test_closing_in_the_middle_of_it_ends_after_the_call_that_is_under_way(
    simulator: Simulator, webhook: Webhook
) -> None:
    _, strategy = onboarded(simulator)
    simulator.sender.idle()
    before = len(webhook.got)
    webhook.answered = threading.Semaphore(5)
    for _ in range(200):
        simulator.app_user.signal(strategy, OPEN, GOLD)
    eventually(lambda: _has_signals(webhook, 6))
    closing = threading.Thread(target=simulator.sender.close)
    closing.start()
    assert simulator.sender._stopping.wait(PATIENCE_SECONDS)
    assert closing.is_alive()  # the sixth is still to be answered
    webhook.answered.release(200)
    closing.join(PATIENCE_SECONDS)
    assert not closing.is_alive()
    assert len(webhook.got) == before + 6
    assert [call for call in simulator.state.view().calls if call.took is None] == []


def test_only_the_last_thousand_calls_are_remembered(simulator: Simulator) -> None:
    _, strategy = onboarded(simulator)
    for _ in range(1005):
        simulator.app_user.signal(strategy, OPEN, GOLD)
    assert [call.id for call in calls(simulator)] == list(range(8, 1008))


def test_a_schedule_gives_signals_by_itself_until_it_is_stopped(simulator: Simulator, webhook: Webhook) -> None:
    _, strategy = onboarded(simulator)
    simulator.app_user.schedule(strategy, 0.2)
    simulator.schedule.start()
    try:
        eventually(lambda: _has_signals(webhook, 3))
    finally:
        simulator.app_user.schedule(strategy, None)
        simulator.schedule.stop()
    simulator.sender.idle()
    first, second, *_ = [type_ for type_ in webhook.types() if type_.startswith("SIGNAL_")]
    assert first == "SIGNAL_OPEN"
    assert second in {"SIGNAL_CLOSE", "SIGNAL_REOPEN"}


def _has_signals(webhook: Webhook, count: int) -> None:
    assert len([type_ for type_ in webhook.types() if type_.startswith("SIGNAL_")]) >= count
