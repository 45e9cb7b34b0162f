"""What a user does in ProQuant's app, and the events that follow: approve, reject, delete, enable, disable, signal."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

from shared.domain import Event, EventType, LifecycleEvent
from tools.simulator import integration_request, signals
from tools.simulator.delivery import EventSender
from tools.simulator.misbehaviour import Misbehaviour
from tools.simulator.model import Integration, NotPossible, SimulatedStrategy, Ticket, UserDecision
from tools.simulator.recipes import RECIPES
from tools.simulator.state import State

_ANSWERS = {
    EventType.INTEGRATION_APPROVED: (UserDecision.REQUESTED, UserDecision.APPROVED),
    EventType.INTEGRATION_REJECTED: (UserDecision.REQUESTED, UserDecision.REJECTED),
    EventType.INTEGRATION_DELETED: (UserDecision.APPROVED, UserDecision.DELETED),
}
"""What the user may say -> in which standing, and the standing after it (guide, "v1 Event types and data")."""
FASTEST, SLOWEST = 0.2, 86_400.0  # seconds between the signals of a schedule


def new_id() -> str:
    """32 hexadecimal digits, as in the guide. Never by seed: a bridge remembers them for longer than we do."""
    return secrets.token_hex(16)


class AppUser:
    """Every action: it changes the state and hands the events in, both under one lock, so that their order is one."""

    def __init__(self, state: State, sender: EventSender, seed: int, new_id: Callable[[], str] = new_id) -> None:
        """`seed` decides what scheduled strategies do."""
        self._state = state
        self._sender = sender
        self._dice = Random(seed)  # noqa: S311  # to be repeated, not to be secret
        self._new_id = new_id

    def request(self, body: bytes) -> Integration:
        """Takes an integration request. Raises RequestRefused, and NotPossible when there are too many."""
        with self._state.lock:
            integration = integration_request.read(body, self._new_id())
            self._state.put_integration(integration)
            return integration

    def say(self, id_: str, type_: EventType) -> None:
        """The user approves, rejects or deletes an integration. Raises NotPossible."""
        with self._state.lock:
            integration = self._state.integration(id_)
            before, after = _ANSWERS[type_]
            if integration.standing is not before:
                raise NotPossible(f"{integration.name} is {integration.standing}, not {before}.")
            self._state.put_integration(replace(integration, standing=after))
            self._send([integration], LifecycleEvent(type_, self._state.timestamp_ms()))

    def add_strategy(self, name: str, usual: Ticket) -> SimulatedStrategy:
        """A new running strategy, which nobody hears as yet. Raises NotPossible when there are too many."""
        with self._state.lock:
            strategy = SimulatedStrategy(self._new_id(), name, usual)
            self._state.put_strategy(strategy)
            return strategy

    def enable(self, strategy_id: str, integration_id: str, enabled: bool) -> None:
        """Turns an approved integration on or off for a strategy, and tells it. Raises NotPossible."""
        with self._state.lock:
            strategy, integration = self._state.strategy(strategy_id), self._state.integration(integration_id)
            if integration.standing is not UserDecision.APPROVED:
                raise NotPossible(f"{integration.name} is {integration.standing}, not approved.")
            if enabled == (integration_id in strategy.enabled):
                raise NotPossible(f"{integration.name} is {'on' if enabled else 'off'} for {strategy.name} already.")
            self._state.put_strategy(replace(strategy, enabled=strategy.enabled ^ {integration_id}))
            type_ = EventType.STRATEGY_ENABLED if enabled else EventType.STRATEGY_DISABLED
            self._send([integration], LifecycleEvent(type_, self._state.timestamp_ms(), strategy.id, strategy.name))

    def schedule(self, strategy_id: str, every: float | None) -> None:
        """Has a strategy give signals by itself, every so many seconds; None stops that. Raises NotPossible."""
        if every is not None and not FASTEST <= every <= SLOWEST:
            raise NotPossible(f"A schedule takes {FASTEST} to {SLOWEST:.0f} seconds.")
        with self._state.lock:
            self._state.put_strategy(replace(self._state.strategy(strategy_id), every=every))

    def behave(self, behaviour: Misbehaviour) -> None:
        """How events are sent from now on; those that wait are sent as it was when they were handed in."""
        self._state.put_behaviour(behaviour)

    def signal(self, strategy_id: str, type_: EventType, ticket: Ticket, wrong_token: bool = False) -> None:
        """A strategy gives a signal, to all that it is enabled for. Raises NotPossible where that is nobody."""
        with self._state.lock:
            recipients = self._recipients(self._state.strategy(strategy_id))
            if not recipients:
                raise NotPossible("No approved integration is enabled for this strategy: nobody would hear the signal.")
            self._give(strategy_id, type_, ticket, recipients, wrong_token)

    def cook(self, strategy_id: str, error: str) -> None:
        """Gives the signals that earn `error`. Raises NotPossible."""
        recipe = RECIPES.get(error)
        if recipe is None:
            raise NotPossible("There is no recipe for this error.")
        with self._state.lock:
            for type_, ticket in recipe.steps:
                self.signal(strategy_id, type_, ticket, recipe.wrong_token)

    def tick(self, strategy_id: str) -> None:
        """The time of a scheduled strategy has come; its simulation goes on even where nobody hears it."""
        with self._state.lock:
            strategy = self._state.strategy(strategy_id)
            type_, ticket = signals.next_type(strategy, self._dice)
            self._give(strategy_id, type_, ticket, self._recipients(strategy), wrong_token=False)

    def _give(
        self, strategy_id: str, type_: EventType, ticket: Ticket, recipients: Iterable[Integration], wrong_token: bool
    ) -> None:
        strategy = self._state.strategy(strategy_id)
        timestamp = self._state.timestamp_ms()
        after, event = signals.signal(strategy, type_, ticket, self._new_id(), timestamp)
        self._state.put_strategy(after)
        self._send(recipients, event, wrong_token)

    def _recipients(self, strategy: SimulatedStrategy) -> list[Integration]:
        view = self._state.view()
        heard = {UserDecision.APPROVED, *([UserDecision.DELETED] if view.behaviour.after_deletion else [])}
        return [each for each in view.integrations.values() if each.id in strategy.enabled and each.standing in heard]

    def _send(self, recipients: Iterable[Integration], event: Event, wrong_token: bool = False) -> None:
        behaviour = self._state.view().behaviour
        for integration in recipients:
            told = replace(behaviour, wrong_token=behaviour.wrong_token or wrong_token)
            self._sender.hand_in(integration, event, told)
