"""Somebody who guesses tokens gets nowhere, and nobody else notices."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.live import Live, signal

pytestmark = pytest.mark.acceptance

GUESSES = 200
GUESSERS = 8
BUSY_MACHINE_SECONDS = 1.0  # what an execution may take, besides the second in which everything else must be done


def test_two_hundred_guesses_are_refused_while_a_valid_token_is_answered_at_once(bridge: Live) -> None:
    customer = bridge.open_account("beside-guessers")
    body = customer.body(signal("SIGNAL_OPEN", "guessed"))
    with ThreadPoolExecutor(GUESSERS) as pool:
        guesses = [pool.submit(bridge.post, body, secrets.token_urlsafe(32)) for _ in range(GUESSES)]
        taken: list[float] = []
        while not all(guess.done() for guess in guesses):
            number = len(taken)
            started = time.monotonic()
            answer = customer.post(signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number}"))
            taken.append(time.monotonic() - started)
            assert answer.status_code == 200, answer.text
        answers = [guess.result() for guess in guesses]
    assert {answer.status_code for answer in answers} <= {401, 429}
    assert {answer.status_code for answer in answers} >= {401}
    assert len(taken) >= 3, "too few valid requests to prove anything"
    assert max(taken) < 1 + BUSY_MACHINE_SECONDS
    assert "guessed" not in {row.proquant_position_id for row in customer.rows()}
