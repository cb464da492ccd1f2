"""Losses of families that train side by side meet in one comparison, and a reader never sees half of one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.evaluation.records import EVALUATION_SCHEMA
from cloud_optimizer.resources.evaluations import EvaluationStore

DAY = date(2026, 3, 1)


def losses(model: str, rows: int = 3, value: float = 1.0) -> pl.DataFrame:
    row = dict.fromkeys(EVALUATION_SCHEMA.names(), value) | {
        "cluster": "web",
        "date": DAY,
        "model": model,
        "model_version": "1",
        "origin": datetime(2026, 2, 28, tzinfo=UTC),
        "target": "cpu_mean",
    }
    return pl.DataFrame([{**row, "workload_id": f"w{n}"} for n in range(rows)], schema=EVALUATION_SCHEMA)


@pytest.fixture
def store(tmp_path: Path) -> EvaluationStore:
    return EvaluationStore(tmp_path / "evaluations")


def test_families_are_read_together_and_by_day_and_cluster(store: EvaluationStore) -> None:
    for model in ("lightgbm", "seasonal_naive"):
        store.write("web", DAY, model, losses(model))
    store.write("web", date(2026, 3, 2), "gru", losses("gru"))
    store.write("web/eu", DAY, "gru", losses("gru"))
    assert_frame_equal(store.read("web", DAY), pl.concat([losses("lightgbm"), losses("seasonal_naive")]))
    assert store.read("web/eu", DAY)["model"].unique().to_list() == ["gru"]


def test_what_was_never_trained_reads_as_an_empty_table(store: EvaluationStore) -> None:
    assert_frame_equal(store.read("web", DAY), EVALUATION_SCHEMA.to_frame())


def test_writing_again_replaces_the_family_and_removing_forgets_it(store: EvaluationStore) -> None:
    store.write("web", DAY, "gru", losses("gru", rows=5))
    store.write("web", DAY, "gru", losses("gru", value=2.0))
    assert_frame_equal(store.read("web", DAY), losses("gru", value=2.0))
    store.remove("web", DAY, "gru")
    store.remove("web", DAY, "gru")
    assert store.read("web", DAY).is_empty()


def test_columns_in_another_order_and_more_of_them_are_stored_in_the_schema(store: EvaluationStore) -> None:
    shuffled = losses("gru").select(reversed(EVALUATION_SCHEMA.names())).with_columns(extra=1)
    store.write("web", DAY, "gru", shuffled)
    assert_frame_equal(store.read("web", DAY), losses("gru"))


def test_losses_that_lack_a_column_replace_nothing(store: EvaluationStore) -> None:
    store.write("web", DAY, "gru", losses("gru"))
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        store.write("web", DAY, "gru", losses("gru").drop("demand"))
    assert_frame_equal(store.read("web", DAY), losses("gru"))


def test_a_reader_beside_a_writer_sees_the_old_losses_or_the_new_ones(store: EvaluationStore) -> None:
    versions = [losses("gru", rows=2000, value=float(number)) for number in range(2)]
    store.write("web", DAY, "gru", versions[0])

    def rewrite() -> None:
        for number in range(40):
            store.write("web", DAY, "gru", versions[number % 2])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(rewrite)
        while not writing.done():
            seen = store.read("web", DAY)
            assert seen.height == 2000
            assert seen["demand"].n_unique() == 1
        writing.result()
