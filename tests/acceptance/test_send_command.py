"""`proquant-bridge send` against a running receiver: the answer, what it means, and the exit code."""

import json

import pytest

from tests.acceptance import harness
from tests.acceptance.live import Customer, Live

pytestmark = pytest.mark.acceptance

OPEN = ("--ticker", "XAUUSD", "--direction", "BUY", "--quantity", "10")


@pytest.fixture(scope="module")
def sender(bridge: Live) -> Customer:
    return bridge.open_account("sender")


def test_send_prints_the_answer_and_what_it_means_and_ends_with_0_for_a_200_only(sender: Customer) -> None:
    words = ("send", "SIGNAL_OPEN", "--account", sender.account, "--token", sender.token, *OPEN)
    opened, again = (sender.live.run.ask(*words) for _ in range(2))
    assert opened.returncode == 0, opened.stderr
    assert "status    200" in opened.stdout
    assert "meaning   none: ProQuant shows its user nothing" in opened.stdout
    assert again.returncode == 1
    assert "status    409" in again.stdout
    assert "x-proquant-error  1" in again.stdout
    assert "meaning   PositionAlreadyExists: this is the error that ProQuant shows its user" in again.stdout
    assert sender.token not in opened.stdout + opened.stderr + again.stdout + again.stderr


def test_send_closes_what_the_strategy_holds_without_being_told_what_that_is(sender: Customer) -> None:
    words = ("--account", sender.account, "--token", sender.token, "--strategy", "closing", "--json")
    opened = json.loads(sender.live.run.cli("send", "SIGNAL_OPEN", *words, *OPEN))
    closed = json.loads(sender.live.run.cli("send", "SIGNAL_CLOSE", *words))
    assert (closed["status"], closed["body"], closed["meaning"]) == (200, "", "none")
    assert closed["proquant_position_id"] == opened["proquant_position_id"]
    assert sender.trades()[-2:] == [f"{side} 10 {opened['proquant_position_id']}" for side in ("BUY", "SELL")]


def test_send_ends_with_1_where_nobody_answers_and_with_2_where_it_was_not_told_what_to_send(sender: Customer) -> None:
    words = ("send", "SIGNAL_OPEN", "--account", sender.account, "--token", sender.token)
    nobody = sender.live.run.ask(*words, *OPEN, "--url", f"http://127.0.0.1:{harness.free_port()}")
    assert (nobody.returncode, "cannot be reached" in nobody.stderr) == (1, True), nobody
    untold = sender.live.run.ask(*words)
    assert (untold.returncode, "needs --ticker" in untold.stderr) == (2, True), untold
