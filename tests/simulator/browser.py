"""The page through a real browser: headless Chromium, where there is one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.acceptance.harness import BRIDGE, free_port
from tests.support.eventually import eventually

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str:
    """Where Chromium is. Skips the test where it is nowhere."""
    chosen = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if chosen is None:
        pytest.skip("There is no Chromium on the PATH; CHROMIUM=/path/to/it names one.")
    return chosen


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium. Root's needs to be told that it may go without its sandbox."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield running
        running.close()


@contextmanager
def simulator(folder: Path) -> Iterator[str]:
    """The command `proquant-bridge simulator` as a user starts it; the URL of its page."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "simulator.log").open("wb") as log:
        process = subprocess.Popen(
            [BRIDGE, "simulator", "--port", str(port)], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        eventually(lambda: _answers(url), timeout=60, interval=0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> None:
    try:
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError as error:
        raise AssertionError("It does not listen yet.") from error
