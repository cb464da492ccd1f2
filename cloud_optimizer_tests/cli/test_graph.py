"""Which partitions `run` makes, and in which order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from cloud_optimizer.assets.training import MODEL_ASSETS
from cloud_optimizer.cli.graph import DECISIONS, FIRST_FAMILIES, INGESTION, REPLAY, SELECTION, Graph, Plan
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.core.validation import Cadence
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def plan(days: int) -> Plan:
    cadence = Cadence(timedelta(minutes=5), True, "regular")
    return Plan.of(RegisteredSource("web", "trace", {}, START, START + days * DAY, cadence))


def part(first: int, last: int | None = None) -> Slice:
    """Return days by their number, the first one 1."""
    day = [(START + (number - 1) * DAY).date() for number in (first, last or first)]
    return Slice("web", *day)


def test_with_a_month_of_telemetry_the_last_week_is_decided_by_an_earlier_training() -> None:
    found = plan(30)
    assert found.everything == part(1, 30)
    assert found.trainings == (part(23), part(30))
    assert found.decided == part(23, 30)


@pytest.mark.parametrize(("days", "trainings"), [(1, 1), (28, 1), (29, 2)])
def test_a_short_history_is_trained_on_once_and_decides_the_newest_day(days: int, trainings: int) -> None:
    found = plan(days)
    assert len(found.trainings) == trainings
    assert found.trainings[-1] == part(days)
    assert found.decided == (part(days) if trainings == 1 else part(days - 7, days))


@dataclass
class Recorder:
    """Stands for the materializer: remembers what it was asked for."""

    asked: list[tuple[tuple[str, ...], Slice, bool]] = field(default_factory=list)

    def complete(self, title: str, assets: tuple[str, ...], asked: Slice, together: bool = False) -> None:
        assert title
        self.asked.append((tuple(assets), asked, together))


def test_a_champion_is_chosen_before_the_days_that_it_decides() -> None:
    recorder = Recorder()
    Graph(cast(Materializer, recorder), ["gru_model", "lightgbm_model"]).run(plan(30))
    assert [asked for _, asked, _ in recorder.asked] == [part(1, 30), part(23), part(30), part(23, 30), part(30)]
    assert [assets for assets, _, _ in recorder.asked] == [
        INGESTION,
        (*FIRST_FAMILIES, *SELECTION),
        ("gru_model", "lightgbm_model", *SELECTION),
        DECISIONS,
        REPLAY,
    ]


def test_telemetry_is_judged_again_with_everything_that_follows_it() -> None:
    """A failed blocking check leaves its asset materialized: a second run must not go on without it."""
    recorder = Recorder()
    Graph(cast(Materializer, recorder), []).ingest(plan(30))
    assert [together for _, _, together in recorder.asked] == [True]


def test_the_selections_are_assets_of_the_graph_and_leave_out_only_models() -> None:
    known = {key.to_user_string() for key in build_defs().resolve_asset_graph().get_all_asset_keys()}
    selected = {*INGESTION, *SELECTION, *DECISIONS, *REPLAY}
    models = {asset.key.to_user_string() for asset in MODEL_ASSETS}
    assert selected <= known
    assert set(FIRST_FAMILIES) <= models
    assert known - selected - models <= {"tuned_hyperparameters"}
