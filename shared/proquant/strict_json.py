"""JSON without its traps: one spelling, exact numbers, bounded depth; whatever else is refused by name of the place.

Stricter than RFC 8259 and in the spirit of RFC 7493 (I-JSON): what two parsers could read differently is refused.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from typing import Any

from shared.proquant.errors import MalformedBody

MAX_DEPTH = 20  # an event needs 6; the parser recurses, so depth must be bounded before it runs
MAX_DIGITS = 28  # what Decimal computes with exactly by default; also far below Python's limit of 4300 for int()
MAX_MAGNITUDE = 15  # a number with a fraction or an exponent is below 10**16 ...
MIN_MAGNITUDE = -12  # ... and has its first digit no later than the 12th decimal: no broker trades anything smaller
MAX_NUMBER_LENGTH = 64  # the longest plain spelling within these bounds has 42 characters

_BOM = b"\xef\xbb\xbf"
# A string (to the end of the body where it is not closed: possessive, so one linear pass), or one bracket outside any.
_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL, UTF-8 refuses lone surrogates
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Defect:
    """Stands in the parsed value where something must be refused, until `_first_defect` can tell the place."""

    reason: str
    repeated_key: str | None = None


def parse(body: bytes, private: frozenset[str] = frozenset()) -> object:
    """The value that `body` spells, of dict, list, str, int, Decimal, bool and None.

    Below the keys in `private` an error names neither keys nor places: they may hold somebody's secrets.
    Raises MalformedBody, and nothing else whatever the bytes.
    """
    text = _text(body)
    _bound_depth(body)
    if "\\u" not in text:  # else a string may hold what cannot be stored: spelled out, it could not have come so far
        try:
            return _AS_IT_SHOULD_BE.decode(text)
        except (_Odd, JSONDecodeError):
            pass  # what is wrong, and where, is found below
    value = _value(text)
    if found := _first_defect(value):
        raise MalformedBody(_sentence(*found, private))
    return value


def _text(body: bytes) -> str:
    if not body:
        raise MalformedBody("body: is empty")
    if body.startswith(_BOM):
        raise MalformedBody("body: starts with a byte order mark")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        position = error.start
    # Raised outside the handler: the decoder's own error carries the whole body along.
    raise MalformedBody(f"body: is not UTF-8 at byte {position}")


def _bound_depth(body: bytes) -> None:
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKET.finditer(body):
        if match[1]:
            depth += 1
        elif match[2]:
            depth -= 1
        if depth > MAX_DEPTH:
            raise MalformedBody(f"body: is nested deeper than {MAX_DEPTH} levels at byte {match.start()}")


def _value(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except JSONDecodeError as error:
        problem, line, column = error.msg.rstrip(": "), error.lineno, error.colno
    raise MalformedBody(f"body: is not JSON at line {line}, column {column}: {problem}")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | _Defect:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    return _Defect("holds one key twice", repeated_key=Counter(key for key, _ in pairs).most_common(1)[0][0])


def _integer(text: str) -> int | _Defect:
    if len(text.lstrip("-")) > MAX_DIGITS:
        return _Defect(f"is a number of more than {MAX_DIGITS} digits")
    return int(text)


def _real(text: str) -> Decimal | _Defect:
    if len(text) > MAX_NUMBER_LENGTH:
        return _Defect(f"is a number of more than {MAX_NUMBER_LENGTH} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal can hold
        return _Defect("is a number out of bounds")
    if not MIN_MAGNITUDE <= number.adjusted() <= MAX_MAGNITUDE:
        return _Defect("is a number out of bounds")
    if len(number.as_tuple().digits) > MAX_DIGITS:
        return _Defect(f"is a number of more than {MAX_DIGITS} digits")
    return number


def _constant(text: str) -> _Defect:
    return _Defect(f"is {text}, which is not JSON")


_DECODER = JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant)


class _Odd(Exception):
    """There is a defect somewhere."""


def _without_defect(read: Callable[[Any], object]) -> Callable[[Any], object]:
    def read_or_raise(spelled: Any) -> object:
        value = read(spelled)
        if type(value) is _Defect:
            raise _Odd
        return value

    return read_or_raise


# Most bodies have no defect. To go through all that was read once more, in search of one, took as long as reading it.
_AS_IT_SHOULD_BE = JSONDecoder(
    object_pairs_hook=_without_defect(_object),
    parse_int=_without_defect(_integer),
    parse_float=_without_defect(_real),
    parse_constant=_without_defect(_constant),
)


_UNSTORABLE_TEXT = _Defect("holds a NUL or half a surrogate pair")
_UNSTORABLE_KEY = _Defect("has a key with a NUL or half a surrogate pair")


def _first_defect(value: object) -> tuple[_Steps, _Defect] | None:
    """The first defect in the order of the body, and the keys and indexes that lead to it."""
    if isinstance(value, str):
        return ((), _UNSTORABLE_TEXT) if _UNSTORABLE.search(value) else None
    if isinstance(value, dict):
        for key, member in value.items():
            if _UNSTORABLE.search(key):
                return (), _UNSTORABLE_KEY
            if found := _first_defect(member):
                return (key, *found[0]), found[1]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if found := _first_defect(item):
                return (index, *found[0]), found[1]
    return ((), value) if isinstance(value, _Defect) else None


def _sentence(steps: _Steps, defect: _Defect, private: frozenset[str]) -> str:
    secret = next((depth for depth, step in enumerate(steps, 1) if step in private), None)
    place = "".join(_shown(step) for step in steps[:secret]).removeprefix(".") or "body"
    if defect.repeated_key is None or secret is not None:
        return f"{place}: {defect.reason}"
    return f"{place}: holds the key {_shown(defect.repeated_key).removeprefix('.')} twice"


def _shown(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else ".?"
