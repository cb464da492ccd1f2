"""Sections of docs/results.md: found again, replaced alone, written from measured figures only."""

import json
from datetime import date
from pathlib import Path

import pytest

from benchmarks.results import (
    HEADING,
    Measure,
    Origin,
    Report,
    Table,
    figure,
    read_report,
    replace_section,
    section_text,
    write_section,
)

ORIGIN = Origin(command='make bench ARGS="run"', machine="2 cores, Python 3.11.7", day=date(2026, 3, 1), seconds=61.4)


def test_a_section_replaces_only_its_own(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "results.md"
    for name in ("run", "run_twice", "models"):
        write_section(path, name, f"## {name}\n\nold {name}")
    before = path.read_text()
    write_section(path, "run", "## run\n\nnew figures")
    assert path.read_text() == before.replace("old run\n<", "new figures\n<")
    assert before.startswith(HEADING.rstrip())
    assert list(path.parent.iterdir()) == [path]


def test_words_between_sections_stay_where_people_wrote_them() -> None:
    document = replace_section("# Results\n\nBefore.\n", "run", "1")
    document = replace_section(f"{document}\nAfter.\n", "run", "2")
    assert document == "# Results\n\nBefore.\n\n<!-- bench run -->\n2\n<!-- end of bench run -->\n\nAfter.\n"


def test_a_section_states_figures_goals_limits_command_machine_and_date() -> None:
    missed = Measure(measure="ratio", value=1.512, unit="x", goal="<= 1.3", holds=False)
    plain = Measure(measure="time | wall", value=61.4, unit="s")
    table = Table(title="Stages", header=("stage", "seconds"), rows=(("training", "12.0"),))
    text = section_text("Graph", Report(measures=(missed, plain), tables=(table,), limits="Limits: few."), ORIGIN)
    assert text.startswith("## Graph\n\n| measure | value | unit | goal | outcome |")
    assert "| ratio | 1.51 | x | <= 1.3 | **missed** |" in text
    assert r"| time \| wall | 61.4 | s |  |  |" in text
    assert "### Stages\n\n| stage | seconds |\n| --- | ---: |\n| training | 12.0 |" in text
    assert text.endswith('`make bench ARGS="run"`: 61 s on 2026-03-01, 2 cores, Python 3.11.7.')


@pytest.mark.parametrize(
    ("value", "text"), [(1234567.0, "1,234,567"), (45.67, "45.7"), (1.0, "1"), (0.0312, "0.0312"), (-0.5, "-0.500")]
)
def test_figures_keep_three_significant_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_plain_list_of_measures_is_a_report_too(tmp_path: Path) -> None:
    rows = [{"measure": "rate", "value": 2.0, "unit": "rows/s", "goal": ">= 1", "holds": True}]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    report = read_report(tmp_path / "list.json")
    assert report == Report(measures=(Measure(**rows[0]),))  # type: ignore[arg-type]
    (tmp_path / "report.json").write_text(report.model_dump_json())
    assert read_report(tmp_path / "report.json") == report
