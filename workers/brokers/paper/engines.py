"""One database engine per process and URL, shared by the paper accounts of that process, made on first use."""

import os
import threading
from weakref import WeakSet

from sqlalchemy import Engine

from shared.database.engine import make_engine

POOL_SIZE = 8  # each of a worker's threads holds a connection for a few milliseconds only

_Key = tuple[int, str]
_lock = threading.Lock()
_engines: dict[_Key, Engine] = {}
_users: dict[_Key, WeakSet[object]] = {}


def engine_for(database_url: str, user: object) -> Engine:
    """The engine of this process, on behalf of `user`. After a fork the child gets one of its own."""
    key = (os.getpid(), database_url)
    with _lock:
        if key not in _engines:
            _engines[key] = make_engine(database_url, pool_size=POOL_SIZE)
            _users[key] = WeakSet()
        _users[key].add(user)
        return _engines[key]


def release(database_url: str, user: object) -> None:
    """Says that `user` needs the engine no more; the last one to say so closes its connections."""
    key = (os.getpid(), database_url)
    with _lock:
        users = _users.get(key)
        if users is None:
            return
        users.discard(user)
        if len(users) == 0:
            del _users[key]
            _engines.pop(key).dispose()
