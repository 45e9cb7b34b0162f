"""The kinds of field that ProQuant's events are made of, with messages that read well after the field's path."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, types

END_OF_TIME_MS = 7_258_118_400_000  # 2200-01-01: a "millisecond" timestamp beyond it is microseconds or nonsense

_MESSAGES: types.ErrorMessages = {"required": "is missing", "null": "must not be null"}
_OBJECT_MESSAGES = {"type": "must be an object"}


class Part(Schema):
    """A JSON object of the protocol. Fields that we do not know are ignored: the sender may grow."""

    class Meta:
        unknown = EXCLUDE

    error_messages = _OBJECT_MESSAGES


class Text(fields.Field[str]):
    """A string that matches `pattern` as a whole; `rule` says so in words."""

    default_error_messages = _MESSAGES

    def __init__(self, pattern: str, rule: str, **options: Any) -> None:
        super().__init__(**options)
        self._matches = re.compile(pattern).fullmatch
        self._rule = rule

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str) or self._matches(value) is None:
            raise ValidationError(self._rule)
        return value


class Quantity(fields.Field[Decimal]):
    """A JSON number greater than 0, exact. A string that spells one is refused, and so is a boolean."""

    default_error_messages = _MESSAGES

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
            raise ValidationError("must be a number greater than 0")
        return Decimal(value)


class Timestamp(fields.Field[int]):
    """Unix milliseconds: a whole number, after 1970 and before 2200, however JSON spells it (1.5e12 is whole)."""

    default_error_messages = _MESSAGES

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
            raise ValidationError("must be a whole number of milliseconds")
        if not 0 < value < END_OF_TIME_MS:
            raise ValidationError("must be Unix milliseconds after 1970 and before 2200")
        return int(value)
