"""The online store: the newest row of each workload, equal to what is stored offline."""

from datetime import timedelta

import numpy as np
import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal
from psycopg import sql

from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.features.build import feature_frame
from cloud_optimizer.core.features.views import SERVICES, STORED_VIEWS
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.feature_store.online import online_table
from cloud_optimizer_tests.core.features.panels import random_panel
from cloud_optimizer_tests.resources.feature_store.conftest import FIRST

INFERENCE = "cloud_optimizer_inference"
NOW = FIRST + timedelta(days=2)


def test_online_values_equal_offline_values_at_the_same_time_for_1000_random_workloads(store):
    panel = random_panel(1000, 24 * 16, seed=3)
    start = panel.end - timedelta(hours=2)
    rows = feature_frame(panel, "large", start, panel.end)
    store.write("large", rows)
    assert store.write_online("large", rows) == 1000
    names = np.random.default_rng(0).permutation([f"w{number}" for number in range(1000)]).tolist()
    online = store.online([("large", name) for name in names], INFERENCE, NOW)
    entities = pl.DataFrame({"cluster": "large", "workload_id": names, "event_timestamp": panel.end})
    offline = store.training_set(entities.with_columns(target_timestamp=NOW), SERVICES[INFERENCE])
    assert_frame_equal(online.select(SERVICES[INFERENCE]), offline.select(SERVICES[INFERENCE]), check_exact=True)
    assert online["workload_id"].to_list() == names
    assert set(online["event_timestamp"]) == {panel.end}


def test_the_same_workload_id_in_two_clusters_is_two_workloads(store, frames):
    both = store.online([("us", "w0"), ("eu/west", "w0")], "cloud_optimizer_realtime")
    newest = [
        frames[cluster].filter(workload_id="w0")["cpu_usage_cores_max_rolling_p95_7d"][-1]
        for cluster in ("us", "eu/west")
    ]
    assert both["cpu_usage_cores_max_rolling_p95_7d"].to_list() == newest
    assert newest[0] != newest[1]


def test_an_older_row_never_replaces_a_newer_one_and_a_corrected_one_does(store, frames):
    first = frames["us"].with_columns(
        pl.lit("corrected").alias("cluster"), pl.lit(1.5, pl.Float32).alias("cpu_capacity_cores")
    )
    older = first.filter(pl.col("timestamp") < FIRST + timedelta(days=1)).with_columns(cpu_capacity_cores=9)
    store.write_online("corrected", first)
    before = store.online([("corrected", "w0")], "cloud_optimizer_realtime")
    store.write_online("corrected", older)
    assert_frame_equal(store.online([("corrected", "w0")], "cloud_optimizer_realtime"), before)
    store.write_online("corrected", first.with_columns(pl.lit(None, pl.Float32).alias("cpu_capacity_cores")))
    assert store.online([("corrected", "w0")], "cloud_optimizer_realtime")["cpu_capacity_cores"].to_list() == [None]


def test_a_workload_that_was_never_stored_is_unknown(store):
    row = store.online([("nowhere", "nobody")], "cloud_optimizer_realtime")
    assert row.select(SERVICES["cloud_optimizer_realtime"]).null_count().sum_horizontal().item() == 15
    assert row["event_timestamp"].to_list() == [None]


def test_nobody_asked_for_is_an_empty_answer(store):
    assert store.online([], INFERENCE, NOW).shape == (0, 3 + len(SERVICES[INFERENCE]))


def test_an_unknown_service_and_a_missing_target_time_are_said_in_one_sentence(store):
    with pytest.raises(InputError, match="no feature service 'x'"):
        store.online([("us", "w0")], "x")
    with pytest.raises(InputError, match="without a target time"):
        store.online([("us", "w0")], INFERENCE)


def test_reading_and_writing_before_the_definitions_are_applied_says_what_to_do(warehouse_url, tmp_path, frames):
    store = FeatureStore(warehouse_url, tmp_path)
    with pytest.raises(CloudOptimizerError, match="no tables yet"):
        store.online([("us", "w0")], "cloud_optimizer_realtime")
    with pytest.raises(CloudOptimizerError, match="no tables yet"):
        store.write_online("us", frames["us"])
    store.close()


@pytest.mark.usefixtures("store")
def test_a_query_that_takes_too_long_is_not_a_server_that_is_away(postgres_server, tmp_path):
    url = postgres_server.uri("feature_store", "psycopg") + "&options=-c%20statement_timeout%3D50"
    impatient = FeatureStore(url, tmp_path)
    with psycopg.connect(postgres_server.uri("feature_store")) as other:
        for view in STORED_VIEWS:
            other.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(online_table(view)))
        with pytest.raises(psycopg.errors.QueryCanceled):
            impatient.online([("us", "w0")], "cloud_optimizer_realtime")
    impatient.close()


def test_the_cluster_is_as_new_as_its_newest_workload(store, frames):
    row = store.online([("us", "w3")], INFERENCE, NOW)  # w3, the last by name, ended 18 hours before the others
    newest = frames["us"].filter(workload_id="w0").tail(1)
    assert row["cluster_cpu_capacity_cores_sum"].item() == newest["cluster_cpu_capacity_cores_sum"].item()
    assert row["event_timestamp"].item() == NOW - timedelta(hours=18)
