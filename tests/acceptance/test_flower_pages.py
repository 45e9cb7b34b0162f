"""Flower, as make run starts it: for who knows its password, to look and not to touch, at ids and nothing else."""

import httpx
import pytest

from tests.acceptance.live import Live, signal
from tests.support.eventually import eventually

pytestmark = pytest.mark.acceptance

PAGES = ["/", "/workers", "/tasks", "/broker", "/api/tasks", "/api/workers", "/api/task/types", "/api/queues/length"]
CONTROLS = [
    "worker/shutdown/{worker}",
    "worker/pool/shrink/{worker}",
    "worker/pool/restart/{worker}",
    "worker/queue/cancel-consumer/{worker}",
    "task/revoke/{task}",
    "task/abort/{task}",
    "task/apply/bridge.execute",
    "task/async-apply/bridge.execute",
    "task/send-task/bridge.execute",
]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_shown_without_the_password(bridge: Live, page: str) -> None:
    url = f"http://127.0.0.1:{bridge.run.flower_port}{page}"
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, trust_env=False, auth=("bridge", "guess")).status_code == 401
    with bridge.flower() as flower:
        assert flower.get(page).status_code == 200


def test_every_event_is_a_task_whose_only_argument_is_its_id(bridge: Live) -> None:
    customer = bridge.open_account("watched")
    for number in range(3):
        assert customer.post(signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number}")).status_code == 200
    wanted = {f"({row.id},)" for row in customer.rows()}

    def flower_knows_them_all() -> None:
        tasks = flower.get("/api/tasks", params={"limit": 100_000}).json().values()
        mine = [task for task in tasks if task["name"] == "bridge.execute" and task["args"] in wanted]
        assert {task["args"] for task in mine} == wanted
        assert {(task["kwargs"], task["state"]) for task in mine} == {("{}", "SUCCESS")}

    with bridge.flower() as flower:
        eventually(flower_knows_them_all)


def test_the_worker_has_its_own_pool_with_as_many_threads_as_were_asked_for(bridge: Live) -> None:
    with bridge.flower() as flower:
        (worker,) = flower.get("/api/workers", params={"refresh": "1"}).json().values()
    pool = worker["stats"]["pool"]
    assert (pool["implementation"], pool["max-concurrency"]) == ("workers.runtime.thread_pool:PromptPool", 4)


@pytest.mark.parametrize("control", CONTROLS)
def test_nothing_can_be_changed_with_the_password_either(bridge: Live, control: str) -> None:
    with bridge.flower() as flower:
        task, worker = next((id_, task["worker"]) for id_, task in flower.get("/api/tasks").json().items())
        answer = flower.post(f"/api/{control.format(task=task, worker=worker)}", json={"args": [1]})
    assert (answer.status_code, answer.text) == (403, "Read only mode is enabled")
