"""The integrations API takes what the guide asks for, and says what is wrong with anything else."""

import pytest
from flask.testing import FlaskClient

from tests.simulator.stage import TOKEN, request
from tools.simulator.app import Simulator
from tools.simulator.misbehaviour import Misbehaviour

PATH = "/api/integrations/v1/integrations"


@pytest.fixture
def client(simulator: Simulator) -> FlaskClient:
    return simulator.app.test_client()


def test_a_request_as_in_the_guide_waits_for_its_user(simulator: Simulator, client: FlaskClient) -> None:
    answer = client.post(PATH, json=request())
    assert answer.status_code == 201
    [kept] = simulator.state.view().integrations.values()
    assert answer.get_json() == {"id": kept.id, "status": "requested"}
    assert (kept.name, kept.user_email, kept.standing) == ("user@example.com", "user@example.com", "requested")
    assert kept.headers == {"Authorization": f"Bearer {TOKEN}"}


def test_headers_are_optional(simulator: Simulator, client: FlaskClient) -> None:
    assert client.post(PATH, json=request(webhook={"url": "https://foo.bar/x"})).status_code == 201
    assert [each.headers for each in simulator.state.view().integrations.values()] == [{}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", "x" * 501),
        ("description", 5),
        ("imageUrl", "logo.png"),
        ("userEmail", "nobody"),
        ("webhook", None),
        ("webhook", "https://foo.bar"),
        ("webhook.url", None),
        ("webhook.url", "ftp://foo.bar/x"),
        ("webhook.url", "https://foo.bar:99999/x"),
        ("webhook.headers", ["x"]),
        ("webhook.headers", {"x y": "1"}),
        ("webhook.headers", {"x": f"{TOKEN}\r\nx: y"}),
        ("webhook.headers", {"x": 1}),
        ("webhook.headers", {"Host": "elsewhere"}),
    ],
)
def test_what_the_guide_does_not_ask_for_is_refused_by_its_name(
    simulator: Simulator, client: FlaskClient, field: str, value: object
) -> None:
    whole = request()
    outer, _, inner = field.partition(".")
    whole[outer] = {**whole[outer], inner: value} if inner else value
    answer = client.post(PATH, json=whole)
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_request"
    assert answer.get_json()["detail"].startswith(f"{field}: ")
    assert TOKEN not in answer.text
    assert simulator.state.view().integrations == {}


def test_no_json_another_media_type_and_another_version_are_refused(client: FlaskClient) -> None:
    assert client.post(PATH, data=b"{", content_type="application/json").status_code == 400
    assert client.post(PATH, data=b"{}", content_type="text/plain").status_code == 415
    assert client.post(PATH.replace("v1", "v2"), json=request()).get_json()["error"] == "unknown_version"
    assert client.post(PATH, data=b" " * 70_000, content_type="application/json").status_code == 413


def test_there_is_an_end_to_integrations(client: FlaskClient) -> None:
    answers = [client.post(PATH, json=request()).status_code for _ in range(102)]
    assert answers == [201] * 100 + [429] * 2


def test_a_lost_answer_is_a_request_that_was_taken(simulator: Simulator, client: FlaskClient) -> None:
    simulator.app_user.behave(Misbehaviour(lose_answers=True))
    assert client.post(PATH, json=request()).status_code == 504
    assert len(simulator.state.view().integrations) == 1
