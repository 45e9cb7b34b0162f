"""What follows from the rows of one event: its answers, what happened when, and how long each part took. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.accounts.orphan_policy import OUR_VERSION
from shared.domain import FINISHED, ORDER_FINAL, EventState, OrderState
from shared.proquant.answers import accepted
from shared.signal_rules import PLAUSIBLE_AGE

Facts = Mapping[str, Any]


def answers(event: Facts, noted: Sequence[Facts]) -> list[dict[str, Any]]:
    """Each answer that ProQuant got. Where the receiver could not note it, it is derived, and said to be.

    It can be where every answer that an event may have got is a 200: it ended well, or the 200 came before its end. To
    a refusal that nobody noted there may have been none, or a 200 that could not be noted: nothing is claimed of it.
    """
    if event["version"] == OUR_VERSION:
        return []  # an event of our own, which nobody sent
    told = [{"from": "noted", **_answer(**row)} for row in sorted(noted, key=lambda row: row["first_at"])]
    if event["accepted_at"] is not None and event["accepted_at"] == event["received_at"]:
        at = event["accepted_at"]  # who answers at once writes that into the row itself
        return [{"from": "row", **_answer(accepted().status, "", at, at, 1)}, *told]
    if told:
        return told
    if event["accepted_at"] is not None:
        at = event["accepted_at"]
        return [{"from": "derived", **_answer(accepted().status, "", at, at, 1)}]
    if event["state"] not in FINISHED or event["state"] == EventState.REFUSED:
        return []
    return [{"from": "derived", **_answer(accepted().status, "", None, None, None)}]


def _answer(
    status: int, body: str, first_at: datetime | None, last_at: datetime | None, times: int | None
) -> dict[str, Any]:
    said = json.loads(body) if body else {}
    error = said.get("type") or said.get("error")
    return {
        "status": status,
        "error": error,
        "detail": said.get("detail"),
        "proquant_error": "type" in said,
        "at": first_at,
        "last_at": last_at,
        "times": times,
    }


def milliseconds(whole: Facts) -> dict[str, float]:
    """How long each part took; what has not ended, or was not noted, is left out."""
    received, started, finished = whole["received_at"], whole["started_at"], whole["finished_at"]
    signal = _signal_time(whole)
    parts: dict[str, tuple[datetime | None, datetime | None]] = {
        "signal_to_receipt": (signal if received - signal <= PLAUSIBLE_AGE else None, received),
        "until_a_worker_began": (received, started),
        "executing": (started, finished),
        **{f"{order['leg']}_leg": (order["created_at"], _end_of(order)) for order in whole["orders"]},
        "until_finished": (received, finished),
        "until_answered": (received, whole["answers"][0]["at"] if whole["answers"] else None),
    }
    return {name: _ms(end - begin) for name, (begin, end) in parts.items() if begin is not None and end is not None}


def timeline(whole: Facts) -> list[dict[str, Any]]:
    """What happened, in its order: `after_ms` counts from the receipt.

    What follows from one another stands in that order also where clocks differ: a worker's is a few milliseconds behind
    the database's, and a broker's is its own.
    """
    entries: list[tuple[datetime, datetime, str]] = []
    reached = whole["received_at"]
    for at, what, ours in _main_line(whole):
        reached = max(reached, at) if ours else reached
        entries.append((reached, at, what))
    entries += [(at, at, what) for at, what in _beside(whole)]
    ordered = sorted(entries, key=lambda entry: entry[0])
    return [{"at": at, "after_ms": _ms(at - whole["received_at"]), "what": what} for _, at, what in ordered]


def _main_line(whole: Facts) -> Iterator[tuple[datetime, str, bool]]:
    """What each step led to, by time; last, whether the time is of one of our clocks."""
    yield whole["received_at"], f"received, checked and stored, as number {whole['seq']} of its strategy", True
    if whole["started_at"] is not None:
        yield whole["started_at"], "taken up by a worker", True
    for order in whole["orders"]:
        yield from _order_entries(order)
    if whole["state"] == EventState.WAITING:
        yield whole["next_attempt_at"], f"due again: {whole['reason']}", True
    if whole["finished_at"] is not None:
        yield whole["finished_at"], _ending(whole), True


def _order_entries(order: Facts) -> Iterator[tuple[datetime, str, bool]]:
    what = f"{order['leg']} leg"
    meant = f"{what}: {order['side']} {order['quantity']:f} {order['symbol']} meant and committed"
    yield order["created_at"], meant, True
    for fill in order["fills"]:
        done = f"{what}: {fill['quantity']:f} filled at {fill['price']:f} (the broker's time)"
        yield fill["at"], done, False
    end = _end_of(order)
    if end is not None:
        yield end, f"{what}: {order['state']}", True


def _beside(whole: Facts) -> Iterator[tuple[datetime, str]]:
    for answer in whole["answers"]:
        if answer["at"] is not None:
            yield answer["at"], f"answered {answer['status']} {answer['error'] or '(empty)'}"
    for wait in whole["waits"]:
        yield wait["since"], _waited(wait)
    for alert in whole["alerts"]:
        yield alert["at"], f"alert {alert['id']}: {alert['kind']}"
        yield from _told(alert)
    for resolution in whole["resolutions"]:
        yield resolution["at"], f"resolved by {resolution['who']}: {resolution['verdict']}"


def _waited(wait: Facts) -> str:
    often = f" in {wait['times']} waits" if wait["times"] > 1 else ""
    return f"{wait['leg']} leg: has to wait for its requests, {wait['seconds']:.1f} s{often}: {wait['reason']}"


def _told(alert: Facts) -> Iterator[tuple[datetime, str]]:
    for delivery in alert["deliveries"]:
        if delivery["finished_at"] is not None:
            why = f" ({delivery['reason']})" if delivery["reason"] else ""
            yield delivery["finished_at"], f"alert {alert['id']} to {delivery['channel']}: {delivery['state']}{why}"


def _ending(whole: Facts) -> str:
    match EventState(whole["state"]):
        case EventState.REFUSED:
            return f"refused by {whole['refused_by']}: {whole['error_type']}"
        case EventState.SKIPPED:
            return f"skipped: {whole['reason']}"
        case state:
            return state.value


def _end_of(order: Facts) -> datetime | None:
    ended: datetime | None = order["updated_at"] if OrderState(order["state"]) in ORDER_FINAL else None
    return ended


def _signal_time(whole: Facts) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=whole["timestamp_ms"])


def _ms(span: timedelta) -> float:
    return round(span.total_seconds() * 1000, 1)
