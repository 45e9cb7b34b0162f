"""`proquant-bridge send`: posts an event to a running receiver, as ProQuant does, and shows the answer."""

import os
import secrets
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import click

from shared.domain import SIGNALS, Direction, Event, EventType, LifecycleEvent, SignalEvent
from shared.errors import BridgeError
from shared.proquant.answers import ERROR_HEADER, GENERIC_NOTIFICATION, NO_NOTIFICATION, meaning
from shared.proquant.request import WEBHOOK_PATH, signal_body
from tools.cli.options import DecimalNumber
from tools.cli.output import json_option, print_json, shown
from tools.http_post import TIMEOUT_SECONDS, HttpAnswer, post_json

HEADERS = ("content-type", ERROR_HEADER, "retry-after")
ANY_NUMBER = DecimalNumber(Decimal(-(10**18)), Decimal(10**18))  # also what a receiver must refuse


class NothingHeld(BridgeError):
    """There is no open position to take the rest of a SIGNAL_CLOSE from."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What a signal says besides its type, strategy and time, as far as the command line gives it."""

    position: str | None
    ticker: str | None
    direction: str | None
    quantity: Decimal | None


@click.command("send")
@click.argument("type_", metavar="TYPE", type=click.Choice([type_.value for type_ in EventType]))
@click.option("--account", required=True, metavar="NAME", help="The account that the token belongs to.")
@click.option("--token", envvar="PROQUANT_BRIDGE_TOKEN", show_envvar=True, help="The account's token.")
@click.option(
    "--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file that holds it."
)
@click.option("--ticker", help="What to trade, such as XAUUSD.")
@click.option(
    "--direction", type=click.Choice([direction.value for direction in Direction]), help="Which way a signal points."
)
@click.option("--quantity", type=ANY_NUMBER, help="In units.")
@click.option("--strategy", default="demo", show_default=True, help="The strategy's id at ProQuant.")
@click.option("--strategy-name", default="Demo", show_default=True, help="The strategy's name at ProQuant.")
@click.option("--position", help="ProQuant's id of the position. Default: a new one; for SIGNAL_CLOSE the one held.")
@click.option("--timestamp", type=click.IntRange(0), help="Unix milliseconds. Default: now.")
@click.option("--url", help="The receiver. Default: the one of `make run`, else http://127.0.0.1:$PORT.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    type_: str,
    account: str,
    token: str | None,
    token_file: Path | None,
    ticker: str | None,
    direction: str | None,
    quantity: Decimal | None,
    strategy: str,
    strategy_name: str,
    position: str | None,
    timestamp: int | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Post an event to a running receiver, as ProQuant does, and print the answer.

    TYPE is one of the guide's eight. SIGNAL_CLOSE takes what it is not told from the position that the strategy holds.
    Exit code 0 for an answer of 200.
    """
    now = time.time_ns() // 1_000_000 if timestamp is None else timestamp
    bearer = _token(token, token_file)
    given = Signal(position, ticker, direction, quantity)
    event = _event(EventType(type_), now, strategy, strategy_name, given, account)
    target = _webhook(url)
    headers = {"Authorization": f"Bearer {bearer}"}
    integration = {"name": account, "description": "sent by hand", "webhook": {"url": target, "headers": headers}}
    answer = post_json(target, signal_body(event, integration), headers, TIMEOUT_SECONDS)
    _print(event, answer, as_json)
    ctx.exit(0 if answer.status == 200 else 1)


def _token(token: str | None, file: Path | None) -> str:
    """The token in `file`, else the one given otherwise. Raises UsageError that does not show it."""
    text = (file.read_text(errors="replace") if file else token or "").strip()
    if not text:
        raise click.UsageError("A token is needed: --token, --token-file or PROQUANT_BRIDGE_TOKEN.")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise click.UsageError("The token holds a character that no token has.")
    return text


def _event(type_: EventType, now: int, strategy: str, name: str, given: Signal, account: str) -> Event:
    if type_ not in SIGNALS:
        of_strategy = type_ in {EventType.STRATEGY_ENABLED, EventType.STRATEGY_DISABLED}
        return LifecycleEvent(type_, now, strategy, name) if of_strategy else LifecycleEvent(type_, now)
    signal = _with_what_is_held(given, account, strategy) if type_ is EventType.SIGNAL_CLOSE else given
    for option, value in (("ticker", signal.ticker), ("direction", signal.direction), ("quantity", signal.quantity)):
        if value is None:
            raise click.UsageError(f"{type_} needs --{option}.")
    return SignalEvent(
        type=type_,
        timestamp_ms=now,
        strategy_id=strategy,
        strategy_name=name,
        proquant_position_id=signal.position or secrets.token_hex(16),
        direction=Direction(str(signal.direction)),
        ticker=str(signal.ticker),
        quantity=Decimal(str(signal.quantity)),
    )


def _with_what_is_held(given: Signal, account: str, strategy: str) -> Signal:
    """The signal with its gaps filled from what the strategy holds. Raises NothingHeld."""
    if None not in (given.position, given.ticker, given.direction, given.quantity):
        return given
    from tools.cli.environment import database
    from tools.views import listings

    with database() as sessions, sessions.begin() as session:
        held = listings.held(session, account, strategy)
    if held is None:
        raise NothingHeld(
            f"The strategy {strategy!r} holds nothing: name --position, --ticker, --direction and --quantity."
        )
    return Signal(
        given.position or held.proquant_position_id,
        given.ticker or held.ticker,
        given.direction or held.direction,
        held.quantity if given.quantity is None else given.quantity,
    )


def _webhook(url: str | None) -> str:
    base = (url or _running_receiver()).rstrip("/")
    return base if base.endswith(WEBHOOK_PATH) else base + WEBHOOK_PATH


def _running_receiver() -> str:
    from tools.cli.environment import VAR
    from tools.local import services

    port = os.environ.get("PORT") or (services.find(VAR) or {}).get("PORT") or "8000"
    return f"http://127.0.0.1:{port}"


def _print(event: Event, answer: HttpAnswer, as_json: bool) -> None:
    headers = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    body = answer.body.decode(errors="replace")
    notification = meaning(answer.status, answer.headers, answer.body)
    position = event.proquant_position_id if isinstance(event, SignalEvent) else None
    if as_json:
        whole = {"status": answer.status, "headers": headers, "body": body, "meaning": notification}
        print_json({**whole, "proquant_position_id": position, "timestamp": event.timestamp_ms})
        return
    click.echo(f"{event.type}" + (f" of position {shown(position)}" if position else ""))
    click.echo(f"status    {answer.status}")
    for name, value in headers.items():
        click.echo(f"{name}  {shown(value)}")
    click.echo(f"body      {shown(body) or '(empty)'}")
    click.echo(f"meaning   {notification}: {_in_words(notification)}")


def _in_words(notification: str) -> str:
    if notification == NO_NOTIFICATION:
        return "ProQuant shows its user nothing"
    if notification == GENERIC_NOTIFICATION:
        return "ProQuant tells its user that something went wrong, and not what"
    return "this is the error that ProQuant shows its user"
