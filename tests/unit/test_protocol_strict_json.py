"""Strict JSON: what is read is exact, what must not be used says so in its place, and nothing else ever comes out."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.proquant.errors import MalformedBody
from shared.proquant.strict_json import MAX_DEPTH, Unusable, parse


def refusal(body: bytes) -> str:
    with pytest.raises(MalformedBody) as caught:
        parse(body)
    assert caught.value.__context__ is None, "the cause would carry the body along"
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, true, null, "x"]}', {"a": [1, True, None, "x"]}),
        (b' \n"caf\xc3\xa9 \\ud83d\\ude00" ', "caf\xe9 \U0001f600"),
        (b"-0", 0),
        (b"9" * 28, int("9" * 28)),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "\n"}', {"a": "\n"}),
        (b'["\\ud800", "x\\u0000"]', ["\ud800", "x\0"]),
        (b'{"\\udfff": 1}', {"\udfff": 1}),
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
        ('{"a": 1}'.encode("utf-16"), "body: is not JSON at line 1, column 1: Expecting value"),
        (b"{} {}", "body: is not JSON at line 1, column 4: Extra data"),
        (b"{'a': 1}", "body: is not JSON at line 1, column 2: Expecting property name enclosed in double quotes"),
        (b'{"a": 01}', "body: is not JSON at line 1, column 8: Expecting ',' delimiter"),
    ],
)
def test_what_is_no_json_is_refused(body: bytes, sentence: str) -> None:
    assert refusal(body) == sentence


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"NaN", "is NaN, which is not JSON"),
        (b"-Infinity", "is -Infinity, which is not JSON"),
        (b"1e999", "is a number out of bounds"),
        (b"1e16", "is a number out of bounds"),
        (b"1e-13", "is a number out of bounds"),
        (b"1e99999999999999999999", "is a number out of bounds"),
        (b"0e-99999999999999999999", "is a number out of bounds"),
        (b"9" * 29, "is a number of more than 28 digits"),
        (b"9" * 5000, "is a number of more than 28 digits"),
        (b"0." + b"9" * 29, "is a number of more than 28 digits"),
        (b"0." + b"9" * 5000, "is a number of more than 64 characters"),
    ],
)
def test_a_number_that_must_not_be_used_says_why_in_its_place(text: bytes, reason: str) -> None:
    assert parse(b'{"a": [0, ' + text + b'], "b": 1}') == {"a": [0, Unusable(reason)], "b": 1}


@pytest.mark.parametrize("text", [b'{"a": 1, "b": 2, "a": 1}', b'{"a": 1, "b": 2, "\\u0061": 3}'])
def test_a_key_that_is_there_twice_has_no_value_to_be_used(text: bytes) -> None:
    assert parse(text) == {"a": Unusable("is there twice"), "b": 2}


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
