"""The bench of the `http` adapter: the reference implementation over real HTTP, and every word checked by the schema.

Each call of the adapter and each answer of the reference is held against docs/brokers/http-openapi.yaml. Faults stand
between the two.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from flask.testing import FlaskClient
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest as Asked
from openapi_core.testing import MockResponse as Said

from tests.simulators.server import Answer, Call, Fault, Meeting, Simulator
from workers.brokers.base import Broker, Dedupe
from workers.brokers.paper.script import Action
from workers.brokers.registry import make_broker
from workers.brokers.rest.broker import CALL_SECONDS, RestBroker
from workers.brokers.rest.errors import PROBLEM_JSON
from workers.brokers.rest.reference import make_app

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "brokers" / "http-openapi.yaml"
TOKEN = "a-token-of-the-far-end"
SHORT_SECONDS = 0.6  # where an answer is to be too slow; elsewhere a busy machine must not be
FAULTS: Mapping[str, Fault] = {
    "timeout_accepted": Fault.LOST_AFTER,
    "timeout_lost": Fault.LOST_BEFORE,
    "error_after": Fault.ERROR_AFTER,
    "garbage": Fault.GARBAGE_AFTER,
    "slow": Fault.SLOW_AFTER,
}
PASSED_ON = ("Content-Type", "Retry-After")
NEVER_ARRIVES = {"timeout_lost"}  # it takes no entry of the paper broker's script
_numbers = itertools.count(1)


def contract() -> OpenAPI:
    """The published document, ready to judge calls and answers."""
    known = Config(extra_media_type_deserializers={PROBLEM_JSON: json.loads})
    return OpenAPI.from_dict(yaml.safe_load(DOCUMENT.read_text()), config=known)


class Judged:
    """A reference implementation whose callers and answers are held against the document."""

    def __init__(self, client: FlaskClient, document: OpenAPI, violations: list[str]) -> None:
        self._client = client
        self._document = document
        self._violations = violations

    def __call__(self, call: Call) -> Answer:
        asked = Asked(
            "http://localhost:8080", call.method.lower(), call.path, args=dict(call.query), headers=dict(call.headers),
            data=call.raw,
        )  # fmt: skip
        self._judge(lambda: self._document.validate_request(asked))
        answer = self._client.open(
            call.path, method=call.method, query_string=dict(call.query), headers=dict(call.headers), data=call.raw
        )
        said = Said(answer.data, answer.status_code, content_type=answer.content_type)
        self._judge(lambda: self._document.validate_response(asked, said))
        headers = {name: value for name in PASSED_ON if (value := answer.headers.get(name)) is not None}
        return Answer(answer.status_code, answer.data, headers)

    def _judge(self, validate: Callable[[], None]) -> None:
        try:
            validate()
        except OpenAPIError as error:
            self._violations.append(f"{error}: {error.__cause__}")


class RestBench:
    """The `http` adapter, the network, and the paper broker behind the reference implementation."""

    symbol = "XAUUSD"
    other_symbol = "EURUSD"
    quantity = Decimal(10)
    unaffordable = Decimal(4000)
    lookup_lag = 0.3
    cannot: Mapping[str, str] = {
        "queued": "the contract has no such state: a far end refuses while its market is closed",
        "gone": "the reference nets the strategies, and cannot know what a close leg means to close",
    }

    def __init__(self, database_url: str, dedupe: Dedupe) -> None:
        self._settings = {"database_url": database_url, "hours": "always", "dedupe": str(dedupe)}
        self._open = ExitStack()
        self.violations: list[str] = []
        self._document = contract()
        self._urls: dict[Broker, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()
        assert self.violations == [], "what was said over HTTP is not what the document says"

    def broker(self, *staged: str) -> Broker:
        return self._staged(staged, {})

    def slow_broker(self, *staged: str) -> Broker:
        return self._staged(staged, {"settle_seconds": str(self.lookup_lag)})

    def closed_market_broker(self) -> Broker:
        return self._adapter(self.far_end(hours="closed").url)

    def unreachable_broker(self) -> Broker:
        return self._adapter("http://127.0.0.1:1")

    def again(self, broker: Broker) -> Broker:
        return self._adapter(self._urls[broker])

    def far_end(self, *met: Meeting, **settings: str) -> Simulator:
        """A fresh account at the reference implementation; its orders meet `met`, one after the other."""
        paper = make_broker("paper", {**self._settings, **settings}, f"rest-{next(_numbers)}")
        self._open.callback(paper.close)
        judged = Judged(make_app(paper, TOKEN).test_client(), self._document, self.violations)
        simulator = Simulator(judged, lambda call: call.method == "PUT")
        simulator.faults.extend(met)
        return self._open.enter_context(simulator.running())

    def _staged(self, staged: tuple[str, ...], settings: Mapping[str, str]) -> Broker:
        token = "revoked" if "expired_credentials" in staged else TOKEN
        words = [word for word in staged if word != "expired_credentials"]
        script = ",".join(_scripted(word) for word in words if word not in NEVER_ARRIVES)
        far_end = self.far_end(*(FAULTS.get(word) for word in words), script=script, **settings)
        return self._adapter(far_end.url, token, SHORT_SECONDS if "slow" in words else CALL_SECONDS)

    def _adapter(self, url: str, token: str = TOKEN, call_seconds: float = CALL_SECONDS) -> Broker:
        broker = RestBroker(url, token, call_seconds)
        self._urls[broker] = url
        self._open.callback(broker.close)
        return broker


def _scripted(word: str) -> str:
    """What the paper broker does: a fault on the way leaves it undisturbed."""
    return Action.OK if word in FAULTS else word
