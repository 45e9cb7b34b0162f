"""Many events from a simulator that misbehaves, over a line that loses answers; then the invariants are checked."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from shared.database.engine import Sessions
from shared.domain import Direction, EventType
from shared.proquant import envelope
from tests.simulator import served
from tests.simulator.served import Pair
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge
from tests.support.judge.observed import Answer, Exchange, PaperBooks
from tests.support.judge.verdict import Violation, check
from tools.http_post import HttpAnswer as Posted
from tools.http_post import PostFailed, post_json
from tools.simulator.misbehaviour import Misbehaviour
from tools.simulator.model import Ticket

ACCOUNTS = ("ann", "bob", "cid", "dan")
TICKERS = {"XAUUSD": "10", "EURUSD": "2000", "BTCUSD": "0.05"}
MISBEHAVING = Misbehaviour(duplicates=0.3, reordering=0.2, retries=True)
LOST, FAILED = 0.04, 0.04  # of all calls: the answer is lost after the delivery; a proxy answers 502 in its place


@dataclass
class Line:
    """Between the simulator and the bridge: notes every exchange, and loses some answers. Deterministic by seed."""

    seed: int
    accounts: dict[str, str] = field(default_factory=dict)  # by the header that names them
    history: list[Exchange] = field(default_factory=list)
    seen: Counter[bytes] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Posted:
        with self.lock:
            self.seen[body] += 1
            fate = Random(f"{self.seed}:{len(self.history)}:{self.seen[body]}").random()
        if fate < FAILED:
            return Posted(502, {"content-type": "text/html"}, b"<html>")
        began = time.monotonic()
        posted = post_json(url, body, headers, timeout)
        answer = None if fate > 1 - LOST else Answer(posted.status, posted.body, dict(posted.headers))
        account = self.accounts[headers["Authorization"]]
        event = envelope.read(body).event
        with self.lock:
            self.history.append(Exchange(account, event, answer, began, time.monotonic()))
        if answer is None:
            raise PostFailed("The answer was lost.")
        return posted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: what is wrong, and how much there was of everything."""

    violations: Sequence[Violation]
    counts: Counter[str]


def run(sessions: Sessions, database_url: str, events: int, seed: int) -> Outcome:
    """`events` signals of twelve strategies for four accounts, and what the checker says of the bridge afterwards."""
    line = Line(seed)
    with bridges.running(sessions, database_url, slots=8) as bridge, served.pair(bridge, line.post, seed) as pair:
        strategies = [id_ for account in ACCOUNTS for id_ in _onboard(pair, line, account)]
        pair.simulator.sender.idle()
        pair.simulator.app_user.behave(MISBEHAVING)
        for number in range(events):
            pair.simulator.app_user.tick(strategies[number % len(strategies)])
        pair.simulator.sender.idle()
        bridge.settled()
        return Outcome(_violations(bridge, line), _counts(pair, bridge, line))


def _onboard(pair: Pair, line: Line, account: str) -> list[str]:
    """An account whose integration is on for strategies of its own: their ids."""
    pair.bridge.open_account(account, balance="100000000")
    integration = pair.request_integration(account)
    line.accounts[integration.headers["Authorization"]] = account
    app_user = pair.simulator.app_user
    app_user.say(integration.id, EventType.INTEGRATION_APPROVED)
    tickets = [Ticket(ticker, Direction.BUY, Decimal(quantity)) for ticker, quantity in TICKERS.items()]
    strategies = [app_user.add_strategy(f"{account} {ticket.ticker}", ticket).id for ticket in tickets]
    for strategy in strategies:
        app_user.enable(strategy, integration.id, True)
    return strategies


def _violations(bridge: Bridge, line: Line) -> Sequence[Violation]:
    tokens = [header.removeprefix("Bearer ") for header in line.accounts]
    with bridge.sessions() as session:
        return check(session, PaperBooks(session), line.history, secrets=[*tokens, bridge.secret_key])


def _counts(pair: Pair, bridge: Bridge, line: Line) -> Counter[str]:
    """How much there was of everything; the calls only as far as the simulator remembers them."""
    counts = Counter(f"event {row.state}" for row in bridge.events())
    counts.update(label for call in pair.calls() for label in call.label.split(", ") if label)
    counts["deliveries"] = len(line.history)
    counts["answers lost"] = sum(exchange.answer is None for exchange in line.history)
    counts["events"] = len({exchange.event for exchange in line.history})
    counts["orders"] = sum(len(bridge.orders(account)) for account in ACCOUNTS)
    return counts
