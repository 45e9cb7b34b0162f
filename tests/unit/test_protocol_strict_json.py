"""Strict JSON: what is accepted is exact, what is refused names the place, and nothing else ever comes out."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.proquant.errors import MalformedBody
from shared.proquant.strict_json import MAX_DEPTH, parse


def refusal(body: bytes, private: frozenset[str] = frozenset()) -> str:
    with pytest.raises(MalformedBody) as caught:
        parse(body, private)
    assert caught.value.__context__ is None, "the cause would carry the body along"
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, true, null, "x"]}', {"a": [1, True, None, "x"]}),
        (b' \n"caf\xc3\xa9 \\ud83d\\ude00" ', "caf\xe9 \U0001f600"),
        (b"-0", 0),
        (b"9" * 28, int("9" * 28)),
    ],
)
def test_plain_json_is_read_as_it_stands(body: bytes, value: object) -> None:
    assert parse(body) == value


@pytest.mark.parametrize("text", ["0.1", "1e15", "1E-12", "1.50", "-2.5e3", "9999999999999999.999999999999"])
def test_a_number_with_a_fraction_or_an_exponent_is_the_exact_decimal_of_its_text(text: str) -> None:
    value = parse(text.encode())
    assert isinstance(value, Decimal)
    assert str(value) == str(Decimal(text))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "body: is empty"),
        (b"  ", "body: is not JSON at line 1, column 3: Expecting value"),
        (b"\xef\xbb\xbf{}", "body: starts with a byte order mark"),
        (b'{"a": "\xff"}', "body: is not UTF-8 at byte 7"),
        (b'"\xed\xa0\x80"', "body: is not UTF-8 at byte 1"),
        ('{"a": 1}'.encode("utf-16"), "body: is not UTF-8 at byte 0"),
        (b"{} {}", "body: is not JSON at line 1, column 4: Extra data"),
        (b"{'a': 1}", "body: is not JSON at line 1, column 2: Expecting property name enclosed in double quotes"),
        (b'{"a": "\n"}', "body: is not JSON at line 1, column 8: Invalid control character at"),
        (b'{"a": "\x00"}', "body: is not JSON at line 1, column 8: Invalid control character at"),
        (b'{"a": 01}', "body: is not JSON at line 1, column 8: Expecting ',' delimiter"),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "a: holds the key b twice"),
        (b'{"a": 1, "\\u0061": 2}', "body: holds the key a twice"),
        (b'{"a": 1, "a": 2}', "body: holds the key a twice"),
        (b'{"a": [0, NaN]}', "a[1]: is NaN, which is not JSON"),
        (b"Infinity", "body: is Infinity, which is not JSON"),
        (b'{"a": -Infinity}', "a: is -Infinity, which is not JSON"),
        (b'{"a": 1e999}', "a: is a number out of bounds"),
        (b'{"a": 1e16}', "a: is a number out of bounds"),
        (b'{"a": 1e-13}', "a: is a number out of bounds"),
        (b'{"a": 1e99999999999999999999}', "a: is a number out of bounds"),
        (b'{"a": 0e-99999999999999999999}', "a: is a number out of bounds"),
        (b'{"a": ' + b"9" * 29 + b"}", "a: is a number of more than 28 digits"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a: is a number of more than 28 digits"),
        (b'{"a": 0.' + b"9" * 29 + b"}", "a: is a number of more than 28 digits"),
        (b'{"a": 0.' + b"9" * 5000 + b"}", "a: is a number of more than 64 characters"),
        (b'{"a": "x\\u0000"}', "a: holds a NUL or half a surrogate pair"),
        (b'{"a": ["\\ud800"]}', "a[0]: holds a NUL or half a surrogate pair"),
        (b'{"a": {"\\udfff": 1}}', "a: has a key with a NUL or half a surrogate pair"),
        (b'{"\\u0000": 1}', "body: has a key with a NUL or half a surrogate pair"),
        (b'{"odd key \xc3\xa9": NaN}', "?: is NaN, which is not JSON"),
    ],
)
def test_what_is_refused_is_named_with_its_place(body: bytes, sentence: str) -> None:
    assert refusal(body) == sentence


def test_depth_is_bounded_at_twenty() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert refusal(b"[" * 21 + b"]" * 21) == "body: is nested deeper than 20 levels at byte 20"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"":'])
def test_a_bracket_bomb_is_refused_before_it_can_recurse(opening: bytes) -> None:
    assert "nested deeper than 20 levels" in refusal(opening * 200_000)


def test_many_brackets_that_are_not_nested_or_stand_in_a_string_are_no_depth() -> None:
    flat = b"[" + b"[]," * 1000 + b"{}]"
    assert parse(flat) == [[]] * 1000 + [{}]
    assert parse(b'["' + b'[{\\"' * 1000 + b'"]') == ['[{"' * 1000]


@pytest.mark.timeout(5)
@pytest.mark.parametrize("piece", [b'"', b'\\"', b'"\\', b"\\", b'[\\"', b'{\\"'])
def test_an_unclosed_string_costs_linear_time(piece: bytes) -> None:
    assert "is not JSON" in refusal(b"[" + b"[]," * MAX_DEPTH + b'"' + piece * 100_001)


def test_below_a_private_key_neither_keys_nor_places_are_named() -> None:
    private = frozenset({"secret"})
    assert refusal(b'{"a": {"secret": {"key-1": [{"key-2": NaN}]}}}', private) == (
        "a.secret: is NaN, which is not JSON"
    )
    assert refusal(b'{"secret": {"key-1": 1, "key-1": 2}}', private) == "secret: holds one key twice"
    assert refusal(b'{"secret": 1, "secret": 2}', private) == "body: holds the key secret twice"


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_malformed(body: bytes) -> None:
    try:
        parse(body)
    except MalformedBody as error:
        message = str(error)
    else:
        return
    assert len(message) < 200
