"""Somebody who guesses tokens gets nowhere, and nobody else notices."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.live import Customer, Live, signal

pytestmark = pytest.mark.acceptance

GUESSES = 200
GUESSERS = 8


def test_two_hundred_guesses_are_refused_while_a_valid_token_is_answered_at_once(bridge: Live) -> None:
    customer = bridge.open_account("beside-guessers")
    body = customer.body(signal("SIGNAL_OPEN", "guessed"))
    alone = [seconds_for_a_signal(customer, f"alone-{number}") for number in range(5)]
    with ThreadPoolExecutor(GUESSERS) as pool:
        guesses = [pool.submit(bridge.post, body, secrets.token_urlsafe(32)) for _ in range(GUESSES)]
        beside: list[float] = []
        while not all(guess.done() for guess in guesses):
            beside.append(seconds_for_a_signal(customer, f"beside-{len(beside)}"))
        statuses = {guess.result().status_code for guess in guesses}
    assert 401 in statuses
    assert statuses <= {401, 429}
    assert len(beside) >= 3, "too few valid requests to prove anything"
    assert max(beside) < 1 + 3 * max(alone)  # a second, and the execution, which takes its time on a busy machine
    assert "guessed" not in {row.proquant_position_id for row in customer.rows()}


def seconds_for_a_signal(customer: Customer, name: str) -> float:
    """How long an OPEN took that was answered 200."""
    started = time.monotonic()
    answer = customer.post(signal("SIGNAL_OPEN", name, strategy_id=name))
    assert answer.status_code == 200, answer.text
    return time.monotonic() - started
