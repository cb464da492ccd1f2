"""Offline features: what is written comes back, days are replaced, joins see only what was known."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.features.build import build_features, feature_frame
from cloud_optimizer.core.features.registry import OBSERVATIONS
from cloud_optimizer.resources.feature_store.offline import FEATURE_SCHEMA, FRESHNESS, OfflineFeatures
from cloud_optimizer_tests.core.features.panels import random_panel

MIDNIGHT = datetime(2024, 1, 16, tzinfo=UTC)
END = MIDNIGHT + timedelta(days=3)
COLUMNS = ["cpu_usage_cores_mean", "cpu_usage_cores_mean_lag_24h", "cluster_cpu_usage_cores_sum"]


@pytest.fixture(scope="module")
def panel():
    return random_panel(3, 24 * 19, seed=7)


@pytest.fixture(scope="module")
def frame(panel):
    return feature_frame(panel, "eu/west", MIDNIGHT, END)


@pytest.fixture
def store(tmp_path, frame):
    store = OfflineFeatures(tmp_path)
    store.write("eu/west", frame)
    return store


def test_what_is_written_comes_back(store, frame):
    assert_frame_equal(store.read("eu/west", MIDNIGHT, END), frame)
    assert frame.schema == FEATURE_SCHEMA


def test_a_range_inside_a_day_and_chosen_columns_are_read(store, frame):
    start, end = MIDNIGHT + timedelta(hours=20), MIDNIGHT + timedelta(hours=30)
    keys = ["cluster", "workload_id", "timestamp", "event_timestamp"]
    expected = frame.filter(pl.col("timestamp").is_between(start, end, closed="left")).select(keys + COLUMNS)
    assert_frame_equal(store.read("eu/west", start, end, COLUMNS), expected)


def test_nothing_written_reads_as_an_empty_frame_of_the_schema(tmp_path):
    assert OfflineFeatures(tmp_path).read("c", MIDNIGHT, END).schema == FEATURE_SCHEMA


def test_a_day_is_replaced_as_a_whole_and_a_day_left_empty_is_emptied(store, frame):
    day = MIDNIGHT.date()
    first_day = frame.filter(pl.col("timestamp").dt.date() == day)
    store.write("eu/west", first_day.head(5), days=[day, day + timedelta(days=1)])
    counts = store.read("eu/west", MIDNIGHT, END).group_by(pl.col("timestamp").dt.date()).len().sort("timestamp")
    assert counts.rows() == [(date(2024, 1, 16), 5), (date(2024, 1, 18), 72)]


def test_rows_of_another_cluster_are_refused(store, frame):
    with pytest.raises(ValueError, match="another cluster"):
        store.write("us", frame)


def test_a_file_of_an_older_registry_reads_with_unknown_for_what_it_lacks(store, frame):
    path = next((store.root).rglob("2024-01-16.parquet"))
    pl.read_parquet(path).drop("cpu_usage_cores_mean_lag_24h").with_columns(gone=1.0).write_parquet(path)
    values = store.read("eu/west", MIDNIGHT, END, COLUMNS)["cpu_usage_cores_mean_lag_24h"]
    later = frame.filter(pl.col("timestamp").dt.date() != MIDNIGHT.date())["cpu_usage_cores_mean_lag_24h"]
    assert values.null_count() == 72 + later.null_count()


def test_the_panel_read_back_equals_the_panel_that_was_built(store, panel):
    back = store.panel("eu/west", MIDNIGHT, END, [*OBSERVATIONS, *COLUMNS[1:]])
    built = build_features(panel, MIDNIGHT).window(MIDNIGHT, END)
    assert back.workload_ids == panel.workload_ids
    assert (back.start, back.step, back.length) == (MIDNIGHT, timedelta(hours=1), 72)
    for name in set(back.columns) - {"observed_fraction", "off_fraction"}:
        np.testing.assert_array_equal(back[name], built[name], err_msg=name)


def test_a_training_set_sees_the_newest_row_known_at_its_time_and_no_stale_one(store, frame):
    known = MIDNIGHT + timedelta(hours=10)
    last = frame["event_timestamp"].max()
    times = [known, known - timedelta(seconds=1), last + FRESHNESS, last + FRESHNESS + timedelta(seconds=1), known]
    ids = ["w1", "w1", "w1", "w1", "nobody"]
    entities = pl.DataFrame({"cluster": "eu/west", "workload_id": ids, "event_timestamp": times, "label": range(5)})
    joined = store.training_set(entities, ["hour_of_day"])
    assert joined["label"].to_list() == list(range(5))
    assert joined["hour_of_day"].to_list() == [9, 8, 23, None, None]


def test_the_same_workload_id_in_two_clusters_is_two_workloads(store, frame):
    shifted = frame.with_columns(pl.lit("us").alias("cluster"), pl.col("cpu_usage_cores_mean") + 100)
    store.write("us", shifted)
    entities = pl.DataFrame(
        {"cluster": ["us", "eu/west", "asia"], "workload_id": "w0", "event_timestamp": frame["event_timestamp"][30]}
    )
    values = store.training_set(entities, ["cpu_usage_cores_mean"])["cpu_usage_cores_mean"]
    assert values[0] == pytest.approx(values[1] + 100, abs=1e-4)
    assert values[2] is None
