"""The table of a run, for the terminal, as Markdown and as JSON. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.table import Table

from tests.chaos import score
from tests.chaos.plan import KINDS
from tests.chaos.trial import Outcome, Settings

Row = tuple[str, ...]


def is_good(outcome: Outcome) -> bool:
    """Whether nothing was lost, doubled, out of order, left unfinished or found wrong by the checker."""
    wrong = len(outcome.verdict.violations or ()) + (outcome.verdict.unfinished or 0) + outcome.figures.unanswered
    return not (wrong or outcome.verdict.lost or outcome.figures.doubled or outcome.figures.out_of_order)


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """The table without its head: what it is, and one cell for each system."""
    return [*_counted(outcomes), *_recovery(outcomes), *_faults(outcomes)]


def terminal(settings: Settings, outcomes: Sequence[Outcome]) -> Table:
    """For the terminal."""
    table = Table("", *(outcome.system for outcome in outcomes), title=title(settings))
    for row in rows(outcomes):
        table.add_row(*row, style="bold" if row[0].startswith(("lost", "doubled", "out of", "checker")) else None)
    return table


def markdown(settings: Settings, outcomes: Sequence[Outcome]) -> str:
    """The same as a Markdown table under a line that says how it was made."""
    head = [("", *(outcome.system for outcome in outcomes)), ("---", *("---:" for _ in outcomes))]
    lines = ["| " + " | ".join(row) + " |" for row in [*head, *rows(outcomes)]]
    return "\n".join([title(settings), "", *lines, ""])


def json_text(settings: Settings, outcomes: Sequence[Outcome]) -> str:
    """Everything, for a program."""
    return score.as_json(
        {"settings": asdict(settings), "good": all(map(is_good, outcomes[:1])), "runs": _plain(outcomes)}
    )


def title(settings: Settings) -> str:
    faults = "no faults" if settings.calm else "faults"
    return (
        f"{settings.seconds / 60:g} minutes, seed {settings.seed}, {settings.rate:g} events a second, {faults}, "
        f"a broker that knows an order id for {settings.dedupe!r}"
    )


def _counted(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    yield _row("events sent", [o.figures.events for o in outcomes])
    yield _row("delivery attempts", [o.figures.deliveries for o in outcomes])
    yield _row("answered 200", [o.figures.answered for o in outcomes])
    yield _row("never answered", [o.figures.unanswered for o in outcomes])
    for word in sorted({word for o in outcomes for word in o.figures.refused}):
        yield _row(f"answered {word}", [o.figures.refused.get(word, 0) for o in outcomes])
    yield _row("executed", [o.figures.executed for o in outcomes])
    for word in sorted({word for o in outcomes for word in o.verdict.outcomes if word != "done"}):
        yield _row(f"of the inbox: {word}", [_own(o, o.verdict.outcomes.get(word, 0)) for o in outcomes])
    yield _row("lost", [len(o.verdict.lost) for o in outcomes])
    yield _row("doubled", [o.figures.doubled for o in outcomes])
    yield _row("out of order", [o.figures.out_of_order for o in outcomes])
    yield _row("unfinished", [_own(o, o.verdict.unfinished) for o in outcomes])
    yield _row("parked", [_own(o, o.verdict.parked) for o in outcomes])
    yield _row("checker violations", [_own(o, len(o.verdict.violations or ())) for o in outcomes])
    yield _row("orders sent again, refused by the broker", [o.sent_twice for o in outcomes])
    yield _row("processes that ended by themselves", [sum(o.unplanned.values()) for o in outcomes])


def _recovery(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    for share in (0.5, 0.99):
        times = [score.percentile(o.figures.resumed, share) for o in outcomes]
        yield _row(f"work goes on after, p{share * 100:g}", [_seconds(time) for time in times])
    for share in (0.5, 0.99):
        times = [score.percentile(o.figures.caught_up, share) for o in outcomes]
        yield _row(f"all caught up after, p{share * 100:g}", [_seconds(time) for time in times])


def _faults(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    yield _row("load average of the machine", [f"{o.load:.1f}" for o in outcomes])
    yield _row("faults", [sum(o.faults.values()) for o in outcomes])
    for kind in map(str, KINDS):
        if any(kind in o.faults for o in outcomes):
            yield _row(f"fault: {kind}", [o.faults.get(kind, 0) for o in outcomes])


def _own(outcome: Outcome, value: int | None) -> int | str:
    """A figure that only a system with an inbox has."""
    return "" if outcome.verdict.violations is None or value is None else value


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _row(what: str, values: Sequence[object]) -> Row:
    return (what, *map(str, values))


def _plain(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    found = []
    for outcome in outcomes:
        members = asdict(outcome)
        members["verdict"]["lost"] = [asdict(event) for event in outcome.verdict.lost]
        members["verdict"]["violations"] = [tuple(violation) for violation in outcome.verdict.violations or ()]
        found.append(members)
    return found
