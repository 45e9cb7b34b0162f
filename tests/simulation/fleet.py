"""Plays worlds in several processes, each with a database of its own on one PostgreSQL that lasts as long as needed."""

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Engine, make_url

from shared.database import migrate
from tests.simulation import database, trial
from tests.simulation.trial import Trial
from tools.local import lock, postgres

SETTINGS = {"fsync": "off", "jit": "off"}  # worlds need no durability: none outlives its process
CHUNK = 4

Product = Callable[[], AbstractContextManager[None]]

_url: str | None = None
_always_tell = False
_product: Product = nullcontext


def play(
    seeds: Iterable[int], processes: int, always_tell: bool = False, product: Product = nullcontext
) -> Iterator[Trial]:
    """The trials of these seeds, as they come in. Ends what it has started, whenever the caller stops listening.

    `product`: what each world is played in; a mutant breaks the product there.
    """
    with _server() as url:
        context = multiprocessing.get_context("spawn")
        urls = context.Queue()
        for database_url in _new_databases(url, processes):
            urls.put(database_url)
        with context.Pool(processes, _begin, (urls, always_tell, product)) as pool:
            yield from pool.imap_unordered(_play, seeds, chunksize=CHUNK)


def _begin(urls: "multiprocessing.Queue[str]", always_tell: bool, product: Product) -> None:
    """Notes only: what fails here is begun anew for ever, and what fails in a trial is raised to who listens."""
    global _url, _always_tell, _product  # a pool hands nothing else to its workers
    _url, _always_tell, _product = urls.get(), always_tell, product


def _play(seed: int) -> Trial:
    with trial.quiet(), _product():
        return trial.run(seed, _engine(), _always_tell)


@cache
def _engine() -> Engine:
    if _url is None:
        raise RuntimeError("The process was not begun.")
    return database.connect(_url)


@contextmanager
def _server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pqb-simulation-"))
    try:
        with lock.held(folder), postgres.running(folder, SETTINGS) as url:
            yield url
    finally:
        shutil.rmtree(folder)


def _new_databases(server: str, number: int) -> list[str]:
    """The first one is migrated, the others are copies of it."""
    names = [f"simulation_{n}" for n in range(number)]
    urls = [make_url(server).set(database=name).render_as_string(hide_password=False) for name in names]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(names[0])))
        migrate.upgrade(urls[0])
        for name in names[1:]:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(names[0]))
            connection.execute(copy)
    return urls
