"""A person at the page: from the first look to a fill, and to each of the nine notifications on the phone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from shared.database.engine import Sessions
from tests.cli.runner import Cli
from tests.simulator.browser import browser, chromium, simulator
from tests.simulator.served import API, served
from tests.simulator.stage import request
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge
from tools.simulator.recipes import RECIPES

PATIENCE_MS = 20_000
NOBODY = {"url": "http://127.0.0.1:1/webhooks/proquant"}


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """Headless Chromium, for all tests of this file."""
    chromium()
    with browser() as running:
        yield running


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A simulator of its own."""
    with simulator(tmp_path) as address:
        yield address


@contextmanager
def opened(chrome: Browser, url: str) -> Iterator[Page]:
    """The page. Nothing may be said on the console, but that what a person asked for was answered 409."""
    said: list[str] = []
    page = chrome.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    yield page
    page.close()
    assert [text for text in said if "409" not in text] == []


@contextmanager
def onboarded(sessions: Sessions, database_url: str, simulator_url: str) -> Iterator[Bridge]:
    """A bridge whose accounts `demo` and `demo-closed` have asked for the user's approval."""
    with bridges.running(sessions, database_url, grace=0.1) as bridge, served(bridge.client.application) as bridge_url:
        cli = Cli(
            {
                "DATABASE_URL": database_url,
                "BRIDGE_SECRET_KEY": bridge.secret_key,
                "BRIDGE_PUBLIC_URL": bridge_url,
                "BRIDGE_PROQUANT_API_URL": f"{simulator_url}{API}",
            }
        )
        for account, hours in (("demo-closed", "closed"), ("demo", "always")):
            bridge.open_account(account, hours=hours)
            made = cli("integrations", "create", "--account", account, "--user-email", "demo@example.com")
            assert made.exit_code == 0, made.output
        yield bridge


def ask_for(url: str, name: str) -> None:
    """An integration request whose webhook nobody listens to."""
    body = request(name=name, imageUrl=f"{url}/static/icon.svg", webhook=NOBODY)
    httpx.post(f"{url}{API}", json=body, trust_env=False).raise_for_status()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def turn(page: Page, integration: str, on: bool) -> None:
    """Turns the integration on or off for the first strategy, and waits until it is."""
    switch = page.get_by_role("switch", name=f"Gold High-Risk sends to {integration}", exact=True)
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true" if on else "false")


def test_a_person_onboards_trades_and_meets_every_error_on_the_page(
    chrome: Browser, url: str, sessions: Sessions, database_url: str
) -> None:
    with onboarded(sessions, database_url, url) as bridge, opened(chrome, url) as page:
        press(page, "Approve demo")
        press(page, "Approve demo-closed")
        turn(page, "demo", on=True)
        press(page, "OPEN")
        expect(page.locator('.call[data-type="SIGNAL_OPEN"][data-status="200"]')).to_have_count(1, timeout=PATIENCE_MS)
        assert bridge.trades()[0].startswith("BUY 10 ")
        for error in RECIPES:
            _earn(page, error)
        press(page, "Delete demo")
        expect(page.get_by_text("deleted", exact=True)).to_be_visible()
        press(page, "OPEN")
        expect(page.get_by_role("alert")).to_contain_text("nobody would hear the signal")


def _earn(page: Page, error: str) -> None:
    """Presses the button of an error, and sees its notification."""
    takes_closed_market = error == "MarketClosed"
    if takes_closed_market:
        turn(page, "demo-closed", on=True)
    press(page, error)
    expect(page.locator(f'[data-notification="{error}"]').first).to_be_visible(timeout=PATIENCE_MS)
    if takes_closed_market:
        turn(page, "demo-closed", on=False)


def test_the_page_keeps_what_is_typed_and_opened_and_fits_a_phone(chrome: Browser, url: str) -> None:
    ask_for(url, "alice")
    with opened(chrome, url) as page:
        press(page, "Approve alice")
        page.locator(".call summary").first.click()
        page.locator("#ticker").fill("EURUSD")
        turn(page, "alice", on=True)
        expect(page.locator(".call")).to_have_count(2)
        expect(page.locator(".call").last).to_have_attribute("open", "")
        expect(page.locator("#ticker")).to_have_value("EURUSD")
        expect(page.locator('[data-notification="generic"]')).to_have_count(2)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_works_without_a_script(chrome: Browser, url: str) -> None:
    ask_for(url, "alice")
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    press(page, "Approve alice")
    expect(page.get_by_role("button", name="Delete alice", exact=True)).to_be_visible()
    press(page, "OPEN")
    expect(page.get_by_role("heading", name="That is not possible")).to_be_visible()
    context.close()


def test_news_in_the_middle_of_a_press_does_not_swallow_the_click(chrome: Browser, url: str) -> None:
    for name in ("alice", "bob"):
        ask_for(url, name)
    with opened(chrome, url) as page:
        press(page, "Approve alice")
        # Her event has failed and nothing more comes of it: what would, could move the switch from under the mouse.
        expect(page.locator('[data-notification="generic"]')).to_have_count(1, timeout=PATIENCE_MS)
        switch = page.get_by_role("switch", name="Gold High-Risk sends to alice", exact=True)
        switch.hover()
        page.mouse.down()
        with page.expect_response(
            lambda answer: "/live" in answer.url and "bob" in answer.json()["parts"].get("strategies", "")
        ):
            page.evaluate("document.querySelector('[aria-label=\"Approve bob\"]').click()")
        page.evaluate("fetch('/live?since=-1').then((answer) => answer.json())")  # by then the page has its own answer
        page.mouse.up()
        expect(switch).to_have_attribute("aria-checked", "true", timeout=PATIENCE_MS)
        expect(page.get_by_role("switch", name="Gold High-Risk sends to bob", exact=True)).to_be_visible()
