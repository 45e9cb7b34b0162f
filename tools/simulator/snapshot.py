"""What outlives the simulator's process: integrations and strategies, in one file that only its owner may read.

Without it a bridge would go on with an integration that its ProQuant has forgotten.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.domain import Direction
from shared.errors import ConfigurationError
from tools.simulator.model import Integration, SimulatedPosition, SimulatedStrategy, Ticket, UserDecision


def save(path: Path, integrations: Iterable[Integration], strategies: Iterable[SimulatedStrategy]) -> None:
    """Replaces the file by what there is now. Raises OSError."""
    content = {
        "integrations": [_integration(each) for each in integrations],
        "strategies": [_strategy(each) for each in strategies],
    }
    fresh = path.with_name(f"{path.name}.new")  # renamed into place: nobody reads half of it
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    fresh.rename(path)


def load(path: Path) -> tuple[list[Integration], list[SimulatedStrategy]]:
    """What the file holds; nothing if there is none. Raises ConfigurationError for a file that `save` did not write."""
    try:
        content = json.loads(path.read_text())
        return [_read_integration(each) for each in content["integrations"]], [
            _read_strategy(each) for each in content["strategies"]
        ]
    except FileNotFoundError:
        return [], []
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{path} is not what the simulator has kept there: remove it to begin anew") from error


def _integration(integration: Integration) -> dict[str, Any]:
    return {field.name: getattr(integration, field.name) for field in fields(Integration)}


def _strategy(strategy: SimulatedStrategy) -> dict[str, Any]:
    held = strategy.held
    return {
        "id": strategy.id,
        "name": strategy.name,
        "usual": _ticket(strategy.usual),
        "held": None if held is None else {"position_id": held.position_id, "ticket": _ticket(held.ticket)},
        "enabled": sorted(strategy.enabled),
    }


def _ticket(ticket: Ticket) -> dict[str, str]:
    return {"ticker": ticket.ticker, "direction": ticket.direction, "quantity": f"{ticket.quantity:f}"}


def _read_integration(kept: Mapping[str, Any]) -> Integration:
    return Integration(**{**kept, "standing": UserDecision(kept["standing"])})


def _read_strategy(kept: Mapping[str, Any]) -> SimulatedStrategy:
    """Its schedule is not kept: nobody expects signals from a simulator that was only just started."""
    held = kept["held"] and SimulatedPosition(kept["held"]["position_id"], _read_ticket(kept["held"]["ticket"]))
    return SimulatedStrategy(kept["id"], kept["name"], _read_ticket(kept["usual"]), held, frozenset(kept["enabled"]))


def _read_ticket(kept: Mapping[str, str]) -> Ticket:
    return Ticket(kept["ticker"], Direction(kept["direction"]), Decimal(kept["quantity"]))
