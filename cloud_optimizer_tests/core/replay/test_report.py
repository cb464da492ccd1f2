"""What people see of a replay."""

import json
from pathlib import Path

import numpy as np

from cloud_optimizer.core.policies.registry import policies_for
from cloud_optimizer.core.replay.report import (
    contract_text,
    pareto_front,
    reliability_table,
    replay_json,
    replay_table,
    write_report,
)
from cloud_optimizer.core.replay.run import PolicyScore, replay
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer_tests.core.policies.fleet import data_of, random_usage

SETTINGS = ReplaySettings(resamples=100)


def some_scores() -> tuple[PolicyScore, ...]:
    data = data_of(random_usage(0, 4), capacity=12.0)
    return replay(data, policies_for(SETTINGS, ["static", "p99_14d", "cloud_optimizer"]), SETTINGS)


def test_table_has_a_row_a_policy_with_its_interval() -> None:
    header, rows = replay_table(some_scores())
    assert [row[0] for row in rows] == ["static", "p99_14d", "cloud_optimizer"]
    assert all(len(row) == len(header) for row in rows)
    assert rows[0][1] == "1.000 [1.000, 1.000]"


def test_bands_of_stated_risk_are_rows_and_too_few_events_give_no_ratio() -> None:
    static, _, ours = some_scores()
    assert reliability_table(static)[1] == []
    header, rows = reliability_table(ours)
    assert all(len(row) == len(header) for row in rows)
    assert sum(int(row[1].replace(",", "")) for row in rows) == sum(band.periods for band in ours.reliability)
    assert all((row[-1] == "too few") == (int(row[2].replace(",", "")) < 100) for row in rows)


def test_json_is_plain_and_complete() -> None:
    rows = json.loads(json.dumps(replay_json(some_scores()), allow_nan=False))
    assert rows[2]["policy"] == "cloud_optimizer"
    assert set(rows[2]["intervals"]) >= {"provision", "regret", "unmet_volume"}


def test_report_embeds_the_plot_and_fetches_nothing(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", some_scores(), SETTINGS, "a <fleet>")
    page = (tmp_path / "r.html").read_text()
    assert "a &lt;fleet&gt;" in page
    assert "Plotly.newPlot" in page
    assert page.count("does the stated risk come true?") == 1  # only ours states one
    assert '<script src="http' not in page
    assert [file.name for file in tmp_path.iterdir()] == ["r.html"]


def test_front_keeps_what_nothing_beats_in_both() -> None:
    points = np.array([[1.0, 5.0], [2.0, 4.0], [2.0, 6.0], [3.0, 4.0], [np.nan, 0.0], [4.0, 1.0]])
    assert pareto_front(points) == [0, 1, 5]


def test_contract_is_stated_in_words() -> None:
    settings = ReplaySettings(cadence="hourly", raise_within_hour=True, max_changes_per_day=1)
    expected = (
        "cpu, hourly decisions, raised within the hour after a sample over capacity, at most 1 change a workload-day"
    )
    assert contract_text(settings) == expected
