"""What the benchmark of the graph makes of recorded steps and timed calls."""

from benchmarks.bench_run import Step, Timing, measures, step_table
from benchmarks.boundary import Boundary, Span

STEPS = (Step("load", 10, 14), Step("load", 20, 22), Step("train", 30, 40))
TIMING = Timing(100, 2, STEPS, {"load": "ingestion", "train": "training", "judge": "training"}, 0, 8, 50, 0.5)


def boundary() -> Boundary:
    watched = Boundary(("inside",))
    watched.spans = [Span("start", 1, 4), Span("copy", 10, 13), Span("copy", 20, 21), Span("fit", 30, 40)]
    watched.imports = [Span("heavy", 31, 33), Span("outside", 6, 7)]
    return watched


def test_seconds_are_summed_by_stage_and_step_and_split_at_the_boundary() -> None:
    assert step_table(TIMING, boundary()).rows == (
        ("ingestion", "all", "2", "6.0", "4.0", "1.50"),
        ("", "load", "2", "6.0", "4.0", "1.50"),
        ("training", "all", "1", "10.0", "10.0", "1.00"),
        ("", "train", "1", "10.0", "10.0", "1.00"),
    )


def test_whole_time_is_what_was_inside_and_what_was_not() -> None:
    found = {measure.measure: measure for measure in measures(TIMING, boundary())}
    assert found["whole time"].value == 50
    assert found["inside core and resources"].value == 3 + 3 + 1 + 10
    assert found["whole time / inside"].value == 50 / 17
    assert not found["whole time / inside"].holds
    assert found["outside core and resources"].value == 33
    assert found["of it, in steps"].value == 16 - 14
    assert found["of it, before the first run"].value == 8 - 3
    assert found["imports of libraries, inside"].value == 2
