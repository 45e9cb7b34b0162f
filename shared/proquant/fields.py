"""The kinds of field that ProQuant's events are made of, with messages that read well after the field's path.

What a decision depends on is read strictly. What only decorates an event is repaired, or dropped, and never refuses it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing, types

from shared.domain import Direction
from shared.proquant.strict_json import Unusable
from shared.signal_rules import TICKER_RULE, is_ticker

END_OF_TIME_MS = 7_258_118_400_000  # 2200-01-01: a "millisecond" timestamp beyond it is microseconds or nonsense
LONGEST_NAME = 256

_MESSAGES: types.ErrorMessages = {"required": "is missing", "null": "must not be null"}
_OBJECT_MESSAGES: types.ErrorMessages = {"required": "is missing", "null": "must be an object"}


Read = TypeVar("Read")


class Part(Schema):
    """A JSON object of the protocol. Fields that we do not know are ignored: the sender may grow."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "must be an object"}  # noqa: RUF012  # as marshmallow has it


class Value(fields.Field[Read]):
    """One value of a signal. It has no validators and no hooks of marshmallow's: what a value must be, its class says.

    To look for them in vain took a quarter of the time of a signal's schema.
    """

    default_error_messages = _MESSAGES

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """The value that was read. Raises ValidationError; what is missing or null is marshmallow's to judge."""
        if value is None or value is missing:
            return super().deserialize(value, attr, data, **options)
        _usable(value)
        return self._deserialize(value, attr, data)


class Object(fields.Nested):
    """A JSON object in an object."""

    default_error_messages = _OBJECT_MESSAGES

    def _deserialize(self, value: object, attr: str | None, data: Any, partial: Any = None, **_: Any) -> Any:
        _usable(value)
        return super()._deserialize(value, attr, data, partial=partial)


class Text(Value[str]):
    """A string that matches `pattern` as a whole; `rule` says so in words."""

    def __init__(self, pattern: str, rule: str, **options: Any) -> None:
        super().__init__(**options)
        self._matches = re.compile(pattern).fullmatch
        self._rule = rule

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str) or self._matches(value) is None:
            raise ValidationError(self._rule)
        return value


class Name(fields.Field[str]):
    """What a user calls something: only ever shown. Whatever is no printable text becomes some, or none."""

    def __init__(self) -> None:
        super().__init__(load_default="", allow_none=True)

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str):
            return ""
        return _HALF_EMOJI.sub("\ufffd", _CONTROL.sub(" ", value[:LONGEST_NAME]))


class Ticker(Value[str]):
    """The name of an instrument, by the rules of `signal_rules.py`."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str) or not is_ticker(value):
            raise ValidationError(f"must be {TICKER_RULE}")
        return value


class Quantity(Value[Decimal]):
    """A JSON number greater than 0, exact. A string that spells one is refused, and so is a boolean."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
            raise ValidationError("must be a number greater than 0")
        return Decimal(value)


class Way(Value[Direction]):
    """BUY or SELL."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Direction:
        if not isinstance(value, str) or value not in {"BUY", "SELL"}:
            raise ValidationError("must be BUY or SELL")
        return Direction(value)


class Timestamp(Value[int]):
    """Unix milliseconds: a whole number, after 1970 and before 2200, however JSON spells it (1.5e12 is whole)."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
            raise ValidationError("must be a whole number of milliseconds")
        if not 0 < value < END_OF_TIME_MS:
            raise ValidationError("must be Unix milliseconds after 1970 and before 2200")
        return int(value)


class IfUsable(fields.Field[Any]):
    """What `field` reads, or `otherwise` where it is missing, null, or not what that takes."""

    def __init__(self, field: fields.Field[Any], otherwise: object) -> None:
        super().__init__(load_default=otherwise)
        self._field = field
        self._otherwise = otherwise

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **_: Any) -> Any:
        """Never raises."""
        try:
            return self._field.deserialize(value, attr, data)
        except ValidationError:
            return self._otherwise


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HALF_EMOJI = re.compile(r"[\ud800-\udfff]")  # of a surrogate pair: UTF-8 has no such thing, and PostgreSQL refuses it


def _usable(value: object) -> None:
    if isinstance(value, Unusable):
        raise ValidationError(value.reason)
