"""Bridge and simulator over real HTTP, each on a port of its own, in this process."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from werkzeug.serving import make_server

from tests.cli.runner import Cli
from tests.support.in_process_bridge import Bridge
from tools.http_post import post_json
from tools.simulator import app
from tools.simulator.app import Simulator
from tools.simulator.delivery import Post
from tools.simulator.misbehaviour import WELL_BEHAVED
from tools.simulator.model import Integration, WebhookCall
from tools.simulator.settings import Settings

API = "/api/integrations/v1/integrations"


@dataclass(frozen=True, slots=True)
class Pair:
    """A bridge and a simulator that know each other, and the command line of the bridge."""

    bridge: Bridge
    simulator: Simulator
    bridge_url: str
    simulator_url: str
    cli: Cli

    def request_integration(self, account: str) -> Integration:
        """Onboards with the command line; what then stands in the simulator."""
        made = self.cli("integrations", "create", "--account", account, "--user-email", f"{account}@example.com")
        assert made.exit_code == 0, made.output
        [found] = [each for each in self.simulator.state.view().integrations.values() if each.name == account]
        return found

    def calls(self) -> list[WebhookCall]:
        """What has been sent, oldest first, once all that was handed in has been."""
        self.simulator.sender.idle()
        return list(reversed(self.simulator.state.view().calls))

    def last(self) -> tuple[int | None, str]:
        """Of the last call: the status of its answer, and what the phone shows."""
        call = self.calls()[-1]
        assert call.judgement is not None
        return call.answer.status if call.answer else None, call.judgement.notification


@contextmanager
def pair(bridge: Bridge, post: Post = post_json, seed: int = 1) -> Iterator[Pair]:
    """The simulator beside `bridge`, both served for as long as it lasts."""
    simulator = app.make(Settings(seed, False, None, WELL_BEHAVED), post, patience=0.1)
    with served(bridge.client.application) as bridge_url, served(simulator.app) as simulator_url:
        settings = {
            "DATABASE_URL": bridge.database_url,
            "BRIDGE_SECRET_KEY": bridge.secret_key,
            "BRIDGE_PUBLIC_URL": bridge_url,
            "BRIDGE_PROQUANT_API_URL": f"{simulator_url}{API}",
        }
        yield Pair(bridge, simulator, bridge_url, simulator_url, Cli(settings))
        simulator.sender.close()


@contextmanager
def served(application: Flask) -> Iterator[str]:
    """The URL of an application."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
