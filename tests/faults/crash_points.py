"""Tells every story once for every point at which a process can die, to every kind of broker: `make crash-points`."""

import itertools
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet
from sqlalchemy import make_url

from shared.database import migrate
from shared.database.engine import make_engine, make_sessions
from tests.faults.scenarios import BROKERS, Scenario, scenarios
from tests.faults.stage import Death, Place, Stage, Stuck, clear, staged
from tests.support.judge.observed import PaperBooks
from tests.support.judge.verdict import Violation, check
from tests.support.progress_bar import shown
from tools.local import lock, postgres

LANES = 4  # stories that are played at once, each in a database of its own: most of the time they wait
TRIES = 5  # until a story passes the point: how often a look-up or a sweep is due in it depends on the machine
MOST_UNREACHED = 0.01  # of the combinations; more, and it is not the machine


@dataclass(frozen=True)
class Combination:
    """One story, to one kind of broker, with one death."""

    scenario: Scenario
    broker: str
    death: Death

    def __str__(self) -> str:
        return f"{self.scenario.name} | {self.broker} | {self.death.process} dies {self.death.point}"


@dataclass
class Found:
    """What came of it. `unreached`: the story took another course, and the process never came to its point."""

    tried: int = 0
    unreached: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def plus(self, other: "Found") -> "Found":
        return Found(self.tried + other.tried, self.unreached + other.unreached, self.violations + other.violations)


Telling = tuple[Scenario, str]
_numbers = itertools.count(1)


def tellings() -> list[Telling]:
    """Each story to each broker."""
    return list(itertools.product(scenarios(), BROKERS))


def discover(place: Place, told: Iterable[Telling]) -> tuple[list[Combination], list[str]]:
    """Every point that these stories pass when they are told to these brokers, and what was wrong without any death."""
    combinations: list[Combination] = []
    violations: list[str] = []
    for kept, broker in told:
        account, scenario = f"a{next(_numbers)}", kept.of_now()
        with staged(place, account, scenario, BROKERS[broker]) as stage:
            stage.play(scenario)
            for process in ("receiver", "worker"):
                combinations += [Combination(scenario, broker, death) for death in _deaths(stage, process)]
            stage.encore(scenario)
            wrong = _check(place, account, stage.token, stage)
        violations += [f"{scenario.name} | {broker} | nobody dies: {violation}" for violation in wrong]
        clear(place)
    return combinations, violations


def _deaths(stage: Stage, process: str) -> Iterator[Death]:
    seen: Counter[str] = Counter()
    for name in stage.points(process):
        seen[name] += 1
        yield Death(process, (name, seen[name]))


def run(place: Place, combinations: Iterable[Combination], done: Callable[[], None] = lambda: None) -> Found:
    """Plays the combinations, one after another. `done`: is called after each."""
    found = Found()
    for combination in combinations:
        found.tried += 1
        reached, violations = _until_reached(place, combination)
        if not reached:
            found.unreached.append(str(combination))
        found.violations += [f"{combination}: {violation}" for violation in violations]
        sys.stdout.writelines(f"{combination}: {violation}\n" for violation in violations)
        sys.stdout.flush()
        done()
    return found


def _until_reached(place: Place, combination: Combination) -> tuple[bool, list[str]]:
    for _ in range(TRIES):
        reached, violations = attempt(place, combination)
        if reached or violations:
            return reached, violations
    return False, []


def attempt(place: Place, combination: Combination) -> tuple[bool, list[str]]:
    """Plays one combination; returns whether the process died at its point, and what is wrong afterwards."""
    account, scenario = f"a{next(_numbers)}", combination.scenario.of_now()
    with staged(place, account, scenario, BROKERS[combination.broker], combination.death) as stage:
        try:
            stage.play(scenario)
            stage.encore(scenario)
            wrong = [str(violation) for violation in _check(place, account, stage.token, stage)]
        except Stuck as stuck:
            wrong = [f"stuck: {stuck}"]
    clear(place)
    return bool(stage.deaths), wrong


def _check(place: Place, account: str, token: str, stage: Stage) -> list[Violation]:
    with place.sessions() as session:
        return check(session, PaperBooks(session), stage.history, secrets=[token, place.secret_key], calls=stage.calls)


@contextmanager
def place_on(server: str, name: str) -> Iterator[Place]:
    """A migrated database on the server, for stories of its own."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    migrate.upgrade(url)
    engine = make_engine(url)
    try:
        yield Place(make_sessions(engine), url, Fernet.generate_key().decode())
    finally:
        engine.dispose()


def main(every: int = 1) -> int:
    """Plays every `every`-th combination on a PostgreSQL of its own; returns 1 where anything was wrong."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="pqb-crash-"))
    with ExitStack() as stack, ThreadPoolExecutor(LANES) as pool:
        server = stack.enter_context(_server(folder))
        places = [stack.enter_context(place_on(server, f"lane{lane}")) for lane in range(LANES)]
        told = list(pool.map(discover, places, (tellings()[lane::LANES] for lane in range(LANES))))
        combinations = [combination for part, _ in told for combination in part]
        chosen = combinations[::every]
        with shown("deaths", len(chosen)) as done:
            parts = list(pool.map(partial(run, done=done), places, (chosen[lane::LANES] for lane in range(LANES))))
    shutil.rmtree(folder)
    found = Found(violations=[violation for _, wrong in told for violation in wrong])
    for part in parts:
        found = found.plus(part)
    report(combinations, found, time.monotonic() - began)
    return int(bool(found.violations) or len(found.unreached) > MOST_UNREACHED * found.tried)


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    with lock.held(folder), postgres.running(folder, {"fsync": "off", "max_connections": "300"}) as url:
        yield url


def report(combinations: list[Combination], found: Found, seconds: float) -> None:
    """Prints the figures, and once more every violation."""
    boundaries = {(c.death.process, c.death.point[0]) for c in combinations}
    sys.stdout.write(
        f"{len(scenarios())} stories, {len(BROKERS)} brokers, {len(combinations)} deaths found at"
        f" {len(boundaries)} places of the code, {found.tried} tried in {seconds:.0f} s;"
        f" {len(found.unreached)} not reached, {len(found.violations)} violations\n"
    )
    for line in [*found.unreached, *found.violations]:
        sys.stdout.write(f"  {line}\n")
