"""JSON without its traps: exact numbers, bounded depth; a value that must not be used says so where it stands.

Stricter than RFC 8259 and in the spirit of RFC 7493 (I-JSON) about what is read: whoever reads an `Unusable` refuses
it. About what nobody reads it is lenient, as the sender may grow: a number for statistics that no computer can hold, or
half an emoji in a description, once refused the CLOSE that it decorated.
"""

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder

from shared.proquant.errors import MalformedBody

MAX_DEPTH = 20  # an event needs 6; the parser recurses, so depth must be bounded before it runs
MAX_DIGITS = 28  # what Decimal computes with exactly by default; also far below Python's limit of 4300 for int()
MAX_MAGNITUDE = 15  # a number with a fraction or an exponent is below 10**16 ...
MIN_MAGNITUDE = -12  # ... and has its first digit no later than the 12th decimal: no broker trades anything smaller
MAX_NUMBER_LENGTH = 64  # the longest plain spelling within these bounds has 42 characters

_BOM = b"\xef\xbb\xbf"
# A string (to the end of the body where it is not closed: possessive, so one linear pass), or one bracket outside any.
_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands where a value stood that must not be used; `reason` says why, after the value's place."""

    reason: str


def parse(body: bytes) -> object:
    """The value that `body` spells, of dict, list, str, int, Decimal, bool, None, and `Unusable` in their places.

    A byte order mark is passed over; bytes that are no UTF-8 become U+FFFD, which no id, type or direction may hold.
    A string may hold half a surrogate pair or a control character: who stores it has to look.
    Raises MalformedBody, and nothing else whatever the bytes.
    """
    if not body:
        raise MalformedBody("body: is empty")
    _bound_depth(body)
    try:
        return _DECODER.decode(body.removeprefix(_BOM).decode(errors="replace"))
    except JSONDecodeError as error:
        problem, line, column = error.msg.rstrip(": "), error.lineno, error.colno
    # Raised outside the handler: the decoder's own error carries the whole body along.
    raise MalformedBody(f"body: is not JSON at line {line}, column {column}: {problem}")


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


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        members |= {key: Unusable("is there twice") for key, count in counts.items() if count > 1}
    return members


def _integer(text: str) -> int | Unusable:
    if len(text.lstrip("-")) > MAX_DIGITS:
        return Unusable(f"is a number of more than {MAX_DIGITS} digits")
    return int(text)


def _real(text: str) -> Decimal | Unusable:
    if len(text) > MAX_NUMBER_LENGTH:
        return Unusable(f"is a number of more than {MAX_NUMBER_LENGTH} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal can hold
        return Unusable("is a number out of bounds")
    if not MIN_MAGNITUDE <= number.adjusted() <= MAX_MAGNITUDE:
        return Unusable("is a number out of bounds")
    if len(number.as_tuple().digits) > MAX_DIGITS:
        return Unusable(f"is a number of more than {MAX_DIGITS} digits")
    return number


def _constant(text: str) -> Unusable:
    return Unusable(f"is {text}, which is not JSON")


_DECODER = JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant, strict=False
)
