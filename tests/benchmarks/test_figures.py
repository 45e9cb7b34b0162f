"""What is computed from measurements: medians, spread, verdicts, sizes, and the table."""

import json
from pathlib import Path

import pytest

from tests.benchmarks import plots, report
from tests.benchmarks.calls import Call
from tests.benchmarks.draining import Drain, WrongOrders, check
from tests.benchmarks.limits import LIMITS, Row, Verdict, sized
from tests.benchmarks.measures import Past
from tests.benchmarks.plots import Point
from tests.benchmarks.samples import percentile, ratio, sample

CALLS = [Call(float(number), f"id-{number}", "p", "open") for number in range(11)]
ROW = Row("B1", 1.25, sample([12.0, 10.0, 14.0]), sample([10.0]), "events/s", "note")


def test_the_median_and_the_spread_are_of_the_rounds() -> None:
    found = sample([30.0, 10.0, 20.0])
    assert (found.median, found.spread) == (20.0, 1.0)
    assert ratio(found, sample([40.0])) == 0.5
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_what_was_not_measured_has_no_figure() -> None:
    with pytest.raises(ValueError, match="Nothing"):
        sample([])
    with pytest.raises(ValueError, match="Nothing"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="NaN"):
        LIMITS["B1"].judge(float("nan"))


@pytest.mark.parametrize(
    ("figure", "value", "verdict"),
    [
        ("B1", 1.5, Verdict.AIM),
        ("B1", 1.2, Verdict.MUST),
        ("B1", 1.19, Verdict.MISSED),
        ("B2", 1.0, Verdict.AIM),
        ("B2", 1.5, Verdict.MUST),
        ("B2", 1.51, Verdict.MISSED),
    ],
)
def test_a_limit_is_reached_from_its_own_side(figure: str, value: float, verdict: Verdict) -> None:
    assert LIMITS[figure].judge(value) is verdict


def test_an_aim_is_never_easier_than_its_must() -> None:
    for limit in LIMITS.values():
        assert (limit.aim > limit.must) is limit.at_least


def test_a_drain_is_sized_by_its_rate_within_its_bounds() -> None:
    assert sized(10_000, 100, 12, 300) == 1200
    assert sized(10_000, 5000, 12, 300) == 10_000
    assert sized(10_000, 1, 12, 300) == 300
    assert sized(200, 1, 12, 300) == 200


def test_the_rate_of_a_drain_counts_from_the_first_order_to_the_last() -> None:
    assert Drain(CALLS).rate == 1.0


def test_a_lost_and_a_doubled_order_spoil_the_run() -> None:
    check("side", CALLS, len(CALLS))
    with pytest.raises(WrongOrders, match="10 orders for 11 events"):
        check("side", CALLS[1:], len(CALLS))
    with pytest.raises(WrongOrders, match="1 of them doubled"):
        check("side", [*CALLS, CALLS[0]], len(CALLS))


def test_the_table_says_medians_limits_and_verdict() -> None:
    line = report.markdown([ROW], {"processors": "2"}).splitlines()[2]
    assert "| 12 events/s (±17%) | 10 events/s (±0%) | 1.25 | >= 1.2 | >= 1.5 | must reached | note |" in line


def test_the_json_holds_every_round() -> None:
    found = json.loads(report.json_text([ROW], {}))["rows"][0]
    assert found["bridge"] == [12.0, 10.0, 14.0]
    assert (found["must"], found["verdict"]) == (1.2, "must reached")


def test_the_plots_are_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="The extra `bench` is not installed.")
    points = [Point(rate, {"p50": rate / 100, "p99": rate / 10}) for rate in (50.0, 100.0)]
    plots.draw_latency({"bridge": points, "baseline": points}, tmp_path / "latency.png")
    plots.draw_history([Past(0, 900.0, 300.0), Past(20_000, 880.0, 290.0)], tmp_path / "history.png")
    for name in ("latency.png", "history.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
