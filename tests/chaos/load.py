"""Sends the deliveries when they are due, again and again until each is answered, and writes every attempt down."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import httpx

from shared.domain import SignalEvent
from shared.proquant.request import signal_body
from tests.chaos.stories import Delivery
from tests.support.judge.observed import Answer, Exchange

TIMEOUT_SECONDS = 10.0
AGAIN_AFTER_SECONDS = 1.0
KEPT_HEADERS = ("content-type", "x-proquant-error", "retry-after")


class Sender:
    """An open loop in a thread of its own: a delivery that is late or unanswered holds up no other."""

    def __init__(self, url: str, token: str, account: str, deliveries: Sequence[Delivery], path: Path) -> None:
        self.exchanges: list[Exchange] = []
        self._url = url
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._account = account
        self._deliveries = deliveries
        self._path = path
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """The first delivery's time counts from now."""
        self._thread.start()

    def has_ended(self) -> bool:
        """Whether every delivery has been answered."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Gives up what is not answered yet."""
        self._stopped.set()
        self._thread.join(TIMEOUT_SECONDS + 5)

    def _run(self) -> None:
        with self._path.open("w") as history:
            asyncio.run(self._send_all(history))

    async def _send_all(self, history: TextIO) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        began = time.monotonic()
        client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)
        async with client, asyncio.TaskGroup() as group:
            for delivery in self._deliveries:
                await asyncio.sleep(began + delivery.at - time.monotonic())
                if self._stopped.is_set():
                    return
                group.create_task(self._until_answered(client, delivery.event, history))

    async def _until_answered(self, client: httpx.AsyncClient, event: SignalEvent, history: TextIO) -> None:
        while not self._stopped.is_set():
            exchange = await self._attempt(client, event)
            self.exchanges.append(exchange)
            history.write(json.dumps(_line(exchange)) + "\n")
            if is_final(exchange.answer):
                return
            await asyncio.sleep(AGAIN_AFTER_SECONDS)

    async def _attempt(self, client: httpx.AsyncClient, event: SignalEvent) -> Exchange:
        began = time.time()
        try:
            response = await client.post(self._url, headers=self._headers, content=signal_body(event))
        except httpx.HTTPError:
            return Exchange(self._account, event, None, began, time.time())
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        answer = Answer(response.status_code, response.content, headers)
        return Exchange(self._account, event, answer, began, time.time())


def is_final(answer: Answer | None) -> bool:
    """Whether a sender that wants to be heard would leave it at that: 200, or an error that speaks of the event."""
    return answer is not None and (answer.status == 200 or 400 <= answer.status < 500) and answer.status != 429


def _line(exchange: Exchange) -> dict[str, object]:
    answer = exchange.answer
    return {
        "event": json.loads(signal_body(exchange.event)),
        "began": exchange.began,
        "ended": exchange.ended,
        "status": answer.status if answer else None,
        "answer": answer.body.decode(errors="replace") if answer else None,
        "headers": dict(answer.headers) if answer else None,
    }
