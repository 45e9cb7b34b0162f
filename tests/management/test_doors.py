"""Who gets in, what strangers see, and that the management process is off without a key."""

import http.client
import threading
from dataclasses import replace

import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from receiver.authentication import SLOWED_AT_ONCE, WRONG_PER_ADDRESS, Throttle
from shared.config import Config
from shared.database.engine import Sessions
from shared.errors import ConfigurationError
from tests.management.conftest import KEY, Management
from tools.management.app import ManagementContext, make_app, make_routes
from tools.management.key import Lock

PATHS = ["/accounts", "/integrations", "/events", "/events/1", "/orders", "/positions", "/alerts", "/nowhere"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("said", ["", "Bearer", "Bearer ", f"Bearer {KEY}x", f"Basic {KEY}", KEY, "Bearer \u00fc"])
def test_a_wrong_key_is_always_answered_in_the_same_words(manage: Management, path: str, said: str) -> None:
    answer = manage.client.get(path, headers={"Authorization": said})
    assert answer.status_code == 401
    assert answer.json == {"error": "wrong_key", "detail": "The key is missing or wrong."}
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_those_who_guess_are_slowed_down_and_then_sent_away(config: Config, sessions: Sessions) -> None:
    slowed, go_on = threading.Semaphore(0), threading.Event()

    def pause(_: float) -> None:
        slowed.release()
        assert go_on.wait(30)

    app = make_routes(ManagementContext(sessions, config), Lock(KEY, Throttle(pause)))
    wrong = {"Authorization": "Bearer wrong"}
    for _ in range(WRONG_PER_ADDRESS.amount):
        assert app.test_client().get("/accounts", headers=wrong).status_code == 401
    guesses = [
        threading.Thread(target=lambda: app.test_client().get("/accounts", headers=wrong))
        for _ in range(SLOWED_AT_ONCE)
    ]
    for guess in guesses:
        guess.start()
    for _ in guesses:
        assert slowed.acquire(timeout=30)
    answer = app.test_client().get("/accounts", headers=wrong)
    assert (answer.status_code, answer.get_json()["error"]) == (429, "too_many_attempts")
    assert app.test_client().get("/accounts", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    go_on.set()
    for guess in guesses:
        guess.join()


def test_without_a_key_there_is_no_management_api(config: Config) -> None:
    with pytest.raises(ConfigurationError, match="BRIDGE_MANAGEMENT_KEY"):
        make_app(replace(config, management_key=None))


def test_the_document_lists_every_request_and_the_page_needs_nothing_from_afar(manage: Management) -> None:
    document = manage.client.get("/openapi.json").get_json()
    assert {"/accounts", "/accounts/{name}/integrations", "/events/{event_id}", "/alerts"} <= document["paths"].keys()
    assert document["security"] == [{"key": []}]
    page = manage.client.get("/").text
    assert "/accounts/{name}/token" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("body", "type_", "status", "word"),
    [
        (b"{", "application/json", 400, "bad_request"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"[]", "application/json", 422, "invalid"),
        (b'{"name": "' + b"x" * 70_000 + b'"}', "application/json", 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_used_is_answered_in_json(
    manage: Management, body: bytes, type_: str, status: int, word: str
) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": type_}
    answer = manage.client.post("/accounts", data=body, headers=headers)
    assert (answer.status_code, answer.get_json()["error"]) == (status, word)
    assert answer.get_json().keys() <= {"error", "detail", "fields"}


def test_another_method_is_refused_and_the_right_one_named(manage: Management) -> None:
    answer = manage("PUT", "/accounts")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_database_that_is_away_is_said_and_a_fault_of_ours_shows_nothing(
    manage: Management, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE accounts RENAME TO gone"))
    answer = manage("GET", "/accounts")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "unavailable")
    assert "gone" not in answer.text
    assert "SELECT" not in answer.text


def test_it_answers_over_http(config: Config, sessions: Sessions) -> None:
    app = make_routes(ManagementContext(sessions, config), Lock(KEY, Throttle()))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status":"alive"}\n'
        connection.request("GET", "/accounts", headers={"Authorization": f"Bearer {KEY}"})
        assert connection.getresponse().read() == b"[]\n"
        connection.request("GET", "/accounts")
        assert connection.getresponse().status == 401
        connection.close()
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
