"""An endless, seeded stream of odd webhook bodies, mutated from the canonical ones. Pure but for reading the files."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

PAYLOADS = Path(__file__).parents[1] / "payloads"

ODD_TEXTS = (
    *("NaN", "-Infinity", "1e999", "-0", "1e-400", "9" * 5000, "0." + "1" * 40, "01", "1549623690730.5"),
    *('"\\u0000"', '"\\ud800"', '"' + "x" * 5000 + '"', '"\\"', '"\x00"', '"\x1b[2J"', '"10"', '""', '" "'),
    *("true", "null", "[]", "{}", '{"a":1,"a":2}', "[" * 30 + "]" * 30, "[" * 50_000, '{"id":{"id":{"id":1}}}'),
    *('"SIGNAL_OPEN"', '"SIGNAL_HEDGE"', '"v1"', '"2020-01-01"', "0", "-1", "10", "2.5", "1e3", "<script>", "'"),
)
ODD_BYTES = (b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xed\xa0\x80", b"\xc0\xaf", b"\\", b'"', b"{", b"}", b"[", b",")


def seeds() -> list[bytes]:
    """The canonical bodies, in a fixed order."""
    return [path.read_bytes() for path in sorted(PAYLOADS.glob("*.json"))]


def bodies(seed: int) -> Iterator[bytes]:
    """The same bodies for the same seed: each a canonical one after one to four mutations."""
    random = Random(seed)
    originals = seeds()
    while True:
        body = random.choice(originals)
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            body = random.choice(MUTATIONS)(random, body)
        yield body


def _flip_a_byte(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + bytes([random.randrange(256)]) + body[at + 1 :]


def _insert_bytes(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + random.choice(ODD_BYTES) + body[at:]


def _cut_out(random: Random, body: bytes) -> bytes:
    start, end = sorted(random.randrange(len(body) + 1) for _ in range(2))
    return body[:start] + body[min(end, start + random.choice((1, 5, 50, 5000))) :]


def _truncate(random: Random, body: bytes) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _repeat_a_part(random: Random, body: bytes) -> bytes:
    start, end = sorted(random.randrange(len(body) + 1) for _ in range(2))
    return body[:end] + body[start:end] * random.choice((1, 1, 3)) + body[end:]


def _swap_a_value(random: Random, body: bytes) -> bytes:
    """Puts an odd text where one of the values stood; keeps the rest well-formed."""
    return _with_one_place(random, body, lambda holder, key: holder.update({key: "@ODD@"})).replace(
        b'"@ODD@"', random.choice(ODD_TEXTS).encode()
    )


def _drop_a_member(random: Random, body: bytes) -> bytes:
    return _with_one_place(random, body, lambda holder, key: holder.pop(key))


def _rename_a_key(random: Random, body: bytes) -> bytes:
    names = ("v2", "v1", "type", "data", "id", "", "__proto__", "_schema", "deprecation", "\u0000", "quantity", "v99")
    return _with_one_place(random, body, lambda holder, key: holder.update({random.choice(names): holder.pop(key)}))


def _add_a_member(random: Random, body: bytes) -> bytes:
    return _with_one_place(random, body, lambda holder, _: holder.update({random.choice(("extra", "v3", "id")): 1}))


def _nudge_a_number(random: Random, body: bytes) -> bytes:
    number = random.choice(("1", "0.5", "0", "-3", "1e2", "123456789.123456789", str(random.randrange(10**13))))
    return _with_one_place(
        random, body, lambda holder, key: holder.update({key: "@ODD@"}), only=("quantity", "timestamp")
    ).replace(b'"@ODD@"', number.encode())


def _with_one_place(
    random: Random, body: bytes, change: Callable[[dict[str, Any], str], object], only: tuple[str, ...] = ()
) -> bytes:
    """The body with one member of one of its objects changed; as it is where it is no JSON object any more."""
    try:
        top = json.loads(body)
    except (ValueError, RecursionError):
        return body
    places = [(holder, key) for holder, key in _places(top) if not only or key in only]
    if not places:
        return body
    change(*random.choice(places))
    return json.dumps(top).encode()


def _places(value: object) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield value, key
            yield from _places(member)


MUTATIONS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip_a_byte,
    _insert_bytes,
    _cut_out,
    _truncate,
    _repeat_a_part,
    _swap_a_value,
    _swap_a_value,
    _drop_a_member,
    _rename_a_key,
    _add_a_member,
    _nudge_a_number,
)
