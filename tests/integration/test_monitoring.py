"""Flower is told of tasks together, a few times a second, and of all of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from celery import Celery

from workers.runtime.flower_events import SECONDS_APART, EventBatcher


@dataclass
class Ticking:
    """The timer of Celery's consumer, and its entry; a test says when it is time."""

    due: list[Callable[[], object]] = field(default_factory=list)

    def call_repeatedly(self, seconds: float, call: Callable[[], object]) -> "Ticking":
        assert seconds == SECONDS_APART
        self.due.append(call)
        return self

    def cancel(self) -> None:
        self.due.clear()

    def tick(self) -> None:
        for call in self.due:
            call()


@dataclass
class Consumer:
    """What a step sees of Celery's consumer."""

    event_dispatcher: Any
    timer: Ticking = field(default_factory=Ticking)


@pytest.fixture
def messages() -> list[list[dict[str, Any]]]:
    """What was published, message by message."""
    return []


@pytest.fixture
def consumer(messages: list[list[dict[str, Any]]]) -> Iterator[Consumer]:
    app = Celery(broker="memory://", set_as_current=False)
    with app.connection_for_write() as connection:
        dispatcher: Any = app.events.Dispatcher(connection, buffer_group=["task"])
        dispatcher.on_send_buffered = dispatcher.flush  # as Celery's consumer does, if by a detour
        publish = dispatcher.producer.publish

        def noted(body: Any, **settings: Any) -> None:
            messages.append(body)
            publish(body, **settings)

        dispatcher.producer.publish = noted
        yield Consumer(dispatcher)
        dispatcher.close()


def test_tasks_wait_for_the_next_telling_and_go_in_one_message(
    consumer: Consumer, messages: list[list[dict[str, Any]]]
) -> None:
    step = EventBatcher(consumer)
    step.start(consumer)
    for number in range(100):
        consumer.event_dispatcher.send("task-started", uuid=str(number))
    assert messages == []
    consumer.timer.tick()
    assert [[event["uuid"] for event in message] for message in messages] == [[str(number) for number in range(100)]]


def test_what_is_left_is_told_at_the_end(consumer: Consumer, messages: list[list[dict[str, Any]]]) -> None:
    step = EventBatcher(consumer)
    step.start(consumer)
    consumer.event_dispatcher.send("task-started", uuid="last")
    step.stop(consumer)
    assert [event["uuid"] for event in messages[0]] == ["last"]
    assert consumer.timer.due == []


def test_without_flower_there_is_nothing_to_tell(messages: list[list[dict[str, Any]]]) -> None:
    consumer = Consumer(None)
    step = EventBatcher(consumer)
    step.start(consumer)
    step.stop(consumer)
    assert consumer.timer.due == []
