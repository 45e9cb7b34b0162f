"""The table of a run, and what makes it a failure."""

import json
from dataclasses import replace

import pytest

from tests.chaos import report
from tests.chaos.score import Figures
from tests.chaos.systems import Verdict
from tests.chaos.test_score import OPENED
from tests.chaos.trial import Outcome, Settings
from tests.support.judge.verdict import Violation

SETTINGS = Settings(60, 1, 2, calm=False, dedupe="lifetime")
GOOD = Outcome(
    system="bridge",
    figures=Figures(3, 4, 2, 0, {"PositionNotFound": 1}, 2, 0, 0, [1.0], [2.0, 4.0]),
    verdict=Verdict([], {"done": 2, "refused: PositionNotFound": 1}, 0, 0, []),
    faults={"Redis flushed (FLUSHALL)": 2},
    missed_faults=0,
    unplanned={},
    sent_twice=0,
    drained=True,
    load=0.5,
)
OTHER = replace(GOOD, system="other", verdict=Verdict([OPENED]))


def test_each_system_has_a_column_and_only_an_inbox_has_states() -> None:
    lines = report.markdown(SETTINGS, [GOOD, OTHER]).splitlines()
    assert "|  | bridge | other |" in lines
    assert "| lost | 0 | 1 |" in lines
    assert "| of the inbox: refused: PositionNotFound | 1 |  |" in lines
    assert "| all caught up after, p99 | 4.0 s | 4.0 s |" in lines


def test_the_json_holds_everything_and_says_whether_the_first_system_was_good() -> None:
    found = json.loads(report.json_text(SETTINGS, [GOOD, OTHER]))
    assert found["good"] is True
    assert found["settings"]["seed"] == 1
    assert found["runs"][1]["verdict"]["lost"][0]["proquant_position_id"] == "p1"


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, verdict=replace(GOOD.verdict, lost=[OPENED])),
        replace(GOOD, verdict=replace(GOOD.verdict, unfinished=1)),
        replace(GOOD, verdict=replace(GOOD.verdict, violations=[Violation("I3", "x", "y")])),
        replace(GOOD, figures=replace(GOOD.figures, doubled=1)),
        replace(GOOD, figures=replace(GOOD.figures, out_of_order=1)),
        replace(GOOD, figures=replace(GOOD.figures, unanswered=1)),
    ],
)
def test_anything_that_was_not_kept_is_a_failure(bad: Outcome) -> None:
    assert report.is_good(GOOD)
    assert not report.is_good(bad)
