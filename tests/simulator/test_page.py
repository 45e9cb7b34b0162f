"""The page's routes: what a form may say, and who may use them."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from flask.testing import FlaskClient

from shared.errors import ConfigurationError
from tests.cli.runner import Cli
from tests.simulator.browser import simulator as running
from tests.simulator.stage import onboarded
from tools.simulator import settings
from tools.simulator.app import Simulator
from tools.simulator.indentation import indented
from tools.simulator.misbehaviour import WELL_BEHAVED, Misbehaviour, SentVersions
from tools.simulator.page import MOST_WAITING
from tools.simulator.redaction import masked_headers, masked_url
from tools.simulator.url_guard import is_loopback

SIGNAL = {"kind": "OPEN", "ticker": "XAUUSD", "direction": "BUY", "quantity": "10"}


@pytest.fixture
def client(simulator: Simulator) -> FlaskClient:
    return simulator.app.test_client()


def test_a_form_is_followed_by_the_page_and_a_script_gets_nothing(simulator: Simulator, client: FlaskClient) -> None:
    _, strategy = onboarded(simulator)
    form = {**SIGNAL, "strategy": strategy}
    assert client.post("/signals", data=form).headers["Location"] == "/"
    assert client.post("/signals", data=form, headers={"X-Requested-With": "fetch"}).status_code == 204


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"strategy": "none"}, "no such strategy"),
        ({"kind": "FLIP"}, "OPEN, CLOSE or REOPEN"),
        ({"ticker": "XAU\tUSD"}, "A ticker"),
        ({"direction": "UP"}, "BUY or SELL"),
        ({"quantity": "ten"}, "must be a number"),
        ({"quantity": "NaN"}, "above 0"),
        ({"quantity": "-1"}, "above 0"),
        ({"quantity": "1e15"}, "above 0"),
        ({"quantity": "0.0000000000001"}, "12 decimals"),
    ],
)
def test_a_signal_that_cannot_be_is_refused_in_words(
    simulator: Simulator, client: FlaskClient, changed: dict[str, str], said: str
) -> None:
    _, strategy = onboarded(simulator)
    answer = client.post("/signals", data={**SIGNAL, "strategy": strategy, **changed})
    assert answer.status_code == 409
    assert said in answer.get_json()["detail"]
    assert simulator.state.strategy(strategy).held is None


def test_misbehaviour_is_set_as_a_whole_and_taken_back_with_one_button(
    simulator: Simulator, client: FlaskClient
) -> None:
    form = {"duplicates": "30", "reordering": "20", "delay": "0.5", "versions": "v1+v2", "deprecated": "2030-01-01"}
    client.post("/behaviour", data={**form, "retries": "on"})
    told = simulator.state.view().behaviour
    assert (told.duplicates, told.reordering, told.delay, told.versions) == (0.3, 0.2, 0.5, SentVersions.BOTH)
    assert (str(told.deprecated), told.retries, told.wrong_token) == ("2030-01-01", True, False)
    client.post("/behaviour", data={**form, "well": "yes"})
    assert simulator.state.view().behaviour == WELL_BEHAVED
    for odd in ({"duplicates": "101"}, {"versions": "v9"}, {"deprecated": "soon"}, {"delay": "-1"}):
        assert client.post("/behaviour", data={**form, **odd}).status_code == 409


def test_news_come_when_there_are_any(simulator: Simulator, client: FlaskClient) -> None:
    revision = simulator.state.view().revision
    news = client.get("/live?since=-1").get_json()
    assert news["revision"] == revision
    assert "Gold High-Risk" in news["parts"]["strategies"]


def test_the_page_of_another_site_and_another_host_name_are_refused(client: FlaskClient) -> None:
    form = {"well": "yes"}
    assert client.post("/behaviour", data=form, headers={"Origin": "http://localhost"}).status_code == 303
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        assert client.post("/behaviour", data=form, headers={"Origin": origin}).status_code == 403
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"Host": "127.0.0.1:8090"}).status_code == 200


def test_nothing_of_the_page_comes_from_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "https://" not in answer.text
    for name in ("page.css", "page.js", "icon.svg"):
        assert f"/static/{name}" in answer.text
        with client.get(f"/static/{name}") as asset:
            assert asset.status_code == 200


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("192.168.0.1", False), ("", False)],
)
def test_only_loopback_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_an_address_that_others_can_reach_takes_a_word_of_its_own() -> None:
    refused: Result = Cli({})("simulator", "--host", "192.168.0.1")
    assert refused.exit_code == 1
    assert "--allow-remote" in refused.stderr


def test_settings_come_from_the_environment_and_odd_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.environment(seed=7, duplicates=0.5, versions="v2", deprecated=None).items():
        monkeypatch.setenv(name, value)
    assert settings.load() == settings.Settings(7, False, None, Misbehaviour(duplicates=0.5, versions=SentVersions.V2))
    monkeypatch.setenv("SIMULATOR_DUPLICATES", "2")
    with pytest.raises(ConfigurationError, match="SIMULATOR_DUPLICATES"):
        settings.load()


def test_what_is_shown_has_the_same_tokens_and_no_secret() -> None:
    body = '{"a":1.50,"b":{},"c":[1,{"d":"x,{}\\"y"}]}'
    assert "".join(line.strip() for line in indented(body).splitlines()).replace('": ', '":') == body
    assert '\n  "a": 1.50,\n' in indented(body)
    assert list(masked_headers({"Authorization": "Bearer abc", "x": "abc"}).values()) == ["Bearer ********", "********"]
    assert masked_url("https://me:pw@foo.bar/x?token=abc") == "https://foo.bar/x?********"


def test_pages_that_wait_for_news_are_answered_before_the_simulator_stops(tmp_path: Path) -> None:
    with httpx.Client(trust_env=False, timeout=30) as client, ThreadPoolExecutor(MOST_WAITING + 1) as pages:
        with running(tmp_path) as url:
            revision = client.get(f"{url}/live?since=-1").json()["revision"]
            asked = [pages.submit(client.get, f"{url}/live?since={revision}") for _ in range(MOST_WAITING + 1)]
            wait(asked, return_when=FIRST_COMPLETED)  # the one for whom there is no place: all others wait by now
        assert [page.result().json() for page in asked] == [{"revision": revision, "parts": {}}] * len(asked)
    assert "Killing" not in (tmp_path / "simulator.log").read_text()
