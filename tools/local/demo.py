"""`make demo`: the bridge and a simulator of ProQuant side by side, and two integration requests to begin with."""

import sys
from collections.abc import Mapping
from pathlib import Path

from shared.errors import ConfigurationError
from shared.proquant.request import WEBHOOK_PATH
from tools.local import preparation
from tools.local.banner import ACCOUNT, BannerFacts
from tools.local.preparation import LOOPBACK
from tools.local.run import RunVariant, becomes_ok, main
from tools.simulator.settings import DEFAULT_PORT

CLOSED_ACCOUNT = "demo-closed"
USER = "demo@example.com"
READY_SECONDS = 30.0


def prepare(var: Path, environment: dict[str, str]) -> Mapping[str, str]:
    """Points the bridge to the simulator and to nothing else, and adds the account whose market is always closed."""
    port = preparation.port(environment, "SIMULATOR_PORT", DEFAULT_PORT, LOOPBACK)
    environment["SIMULATOR_PORT"] = str(port)
    for name, value in _addresses(environment).items():
        environment.pop(f"{name}_FILE", None)  # the user's own settings lead to the real ProQuant
        environment[name] = value
    preparation.account_token(environment, CLOSED_ACCOUNT, hours="closed")
    environment["SIMULATOR_KEEP"] = str(var / "simulator.json")
    return {"simulator": "proquant-bridge simulator"}


def _addresses(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        "BRIDGE_PUBLIC_URL": f"http://{LOOPBACK}:{environment['PORT']}",
        "BRIDGE_PROQUANT_API_URL": f"{_page(environment)}/api/integrations/v1/integrations",
    }


def _page(environment: Mapping[str, str]) -> str:
    return f"http://{LOOPBACK}:{environment['SIMULATOR_PORT']}"


def greet(environment: Mapping[str, str], facts: BannerFacts) -> str:
    """Asks the simulator for both integrations, and says what to do with them. Raises ConfigurationError."""
    if not becomes_ok(LOOPBACK, int(environment["SIMULATOR_PORT"]), "/healthz", READY_SECONDS):
        raise ConfigurationError(f"The simulator has not answered for {READY_SECONDS:.0f} seconds")
    for account in (ACCOUNT, CLOSED_ACCOUNT):
        preparation.request_integration(environment, account, USER)
    return instructions(_page(environment), facts, _addresses(environment))


def instructions(page: str, facts: BannerFacts, addresses: Mapping[str, str]) -> str:
    """What to do, in the order in which a user would. Pure."""
    exports = [f"      export {name}={value}" for name, value in addresses.items()]
    lines = [
        "",
        f"  ProQuant's stand-in   {page}/",
        f"  Webhooks              {facts.receiver_url}{WEBHOOK_PATH}",
        f"  Flower                {facts.flower_url}  {facts.flower_login or '(with the login of FLOWER_BASIC_AUTH)'}",
        "",
        "  1. Open the page, and approve the integration requests.",
        f"     {ACCOUNT} trades at all hours; the market of {CLOSED_ACCOUNT} is always closed.",
        "  2. Turn an integration on for a strategy, and give a signal: OPEN.",
        "  3. See the fill:           .venv/bin/proquant-bridge positions list",
        "                             .venv/bin/proquant-bridge events list",
        "  4. Earn an error on the page, and see it on the phone beside it.",
        "",
        "  Onboard somebody yourself, in another terminal:",
        "",
        *exports,
        "      .venv/bin/proquant-bridge accounts create alice --broker paper --setting hours=always",
        "      .venv/bin/proquant-bridge integrations create --account alice --user-email alice@example.com",
        "",
        "  Stop everything:  Ctrl-C",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(variant=RunVariant(prepare, greet)))
