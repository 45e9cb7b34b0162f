"""Options and kinds of argument that several commands share."""

import getpass
import re
from decimal import Decimal, InvalidOperation

import click

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
LARGEST_ID = 2**63 - 1  # of the database's bigint
ROWS_FOR_PEOPLE = 50


class DecimalNumber(click.ParamType[Decimal]):
    """A number in plain decimal notation, exact, between two limits."""

    name = "number"

    def __init__(self, least: Decimal, most: Decimal) -> None:
        self._least = least
        self._most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number.", param, ctx)
        if not (number.is_finite() and self._least <= number <= self._most):
            self.fail(f"{value!r} is not between {self._least:f} and {self._most:f}.", param, ctx)
        return number


class AccountName(click.ParamType[str]):
    """A name that an account may have."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not NAME.fullmatch(value):
            self.fail("use 1 to 64 of the letters A-Z and a-z, digits, '_', '.' and '-'.", param, ctx)
        return value


limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    help=f"At most so many, the newest first. Default: {ROWS_FOR_PEOPLE}; with --json all.",
)
account_option = click.option("--account", metavar="NAME", help="Only this account.")


def rows(limit: int | None, as_json: bool) -> int | None:
    """How many rows to show, None for all: a program that was cut short would not notice."""
    return limit if limit is not None or as_json else ROWS_FOR_PEOPLE


def user_name() -> str:
    """The user of the operating system, as well as it can be told."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number without a name
        return "unknown"
