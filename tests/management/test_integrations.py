"""Integrations over the management API: requested once, whatever is lost, and refused in clear words."""

import pytest

from shared.proquant.integrations_api import RequestAnswer, RequestNotTaken, RequestUnanswered
from tests.management.conftest import Management
from tests.management.test_accounts import paper
from tests.support.in_process_bridge import Bridge, lifecycle, signal

PATH = "/accounts/alice/integrations"
ANN = {"user_email": "ann@example.com"}


@pytest.fixture(autouse=True)
def _alice(manage: Management, bridge: Bridge) -> None:
    paper(manage, bridge)


def test_a_request_names_our_webhook_and_a_token_that_no_answer_shows(manage: Management, bridge: Bridge) -> None:
    answer = manage("POST", PATH, ANN)
    assert answer.status_code == 201
    assert answer.json == {
        "account": "alice",
        "user_email": "ann@example.com",
        "webhook_url": "https://bridge.example.com/webhooks/proquant",
        "integration": "requested",
        "asked": True,
    }
    assert manage.proquant.sent[0].webhook_url == "https://bridge.example.com/webhooks/proquant"
    assert manage.token_sent() not in answer.text + manage("GET", "/integrations").text
    assert bridge.post(lifecycle("INTEGRATION_APPROVED"), manage.token_sent()).status_code == 200
    assert bridge.post(signal("SIGNAL_OPEN"), manage.token_sent()).status_code == 200
    (listed,) = manage.json("GET", "/integrations?account=alice")
    assert (listed["integration"], listed["user_email"]) == ("approved", "ann@example.com")
    assert listed["integration_at"] is not None


def test_repeating_it_sends_nothing(manage: Management) -> None:
    manage.json("POST", PATH, ANN, 201)
    assert manage.json("POST", PATH, ANN, 201)["asked"] is False
    assert len(manage.proquant.sent) == 1


def test_a_lost_answer_is_said_and_repeated_with_the_same_token(manage: Management) -> None:
    manage.proquant.answer = RequestUnanswered("ProQuant did not answer in time")
    answer = manage("POST", PATH, ANN)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json()["error"] == "proquant_away"
    first = manage.token_sent()
    manage("POST", PATH, ANN)
    assert manage.token_sent() == first


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        (RequestNotTaken("ProQuant answered 400: no such user", refused=True), 502, "refused_by_proquant"),
        (RequestNotTaken("https://example.com cannot be reached: away", refused=False), 503, "proquant_away"),
    ],
)
def test_a_no_is_shown_in_proquants_words(manage: Management, said: RequestAnswer, status: int, word: str) -> None:
    manage.proquant.answer = said
    answer = manage.json("POST", PATH, ANN, status)
    assert answer["error"] == word
    assert getattr(said, "problem", "?") in answer["detail"]


def test_a_revoked_token_works_no_more(manage: Management, bridge: Bridge) -> None:
    manage.json("POST", PATH, ANN, 201)
    assert manage("DELETE", f"{PATH}/ann@example.com").status_code == 204
    assert bridge.post(signal("SIGNAL_OPEN"), manage.token_sent()).status_code == 401
    assert manage.json("DELETE", f"{PATH}/bob@example.com", status=404)["error"] == "unknown_integration"


@pytest.mark.parametrize("email", ["nobody", "a b@example.com"])
def test_what_is_no_email_is_refused(manage: Management, email: str) -> None:
    assert manage.json("POST", PATH, {"user_email": email}, 422)["error"] == "odd_email"
    assert manage.proquant.sent == []
