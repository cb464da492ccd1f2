"""The store against Feast itself: what is registered, and that every read gives what Feast gives."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal
from psycopg.conninfo import conninfo_to_dict

from cloud_optimizer.core.features.registry import FEATURES
from cloud_optimizer.core.features.views import SERVICES, STORED_VIEWS, TARGET_TIME, VIEW_OF
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.feature_store.offline import FRESHNESS
from cloud_optimizer_tests.resources.feature_store.conftest import CLUSTERS, FIRST

TRAINING, INFERENCE = SERVICES["cloud_optimizer_training"], "cloud_optimizer_inference"
REPOSITORY = Path(__file__).parents[3] / "cloud_optimizer" / "feature_repo"
TARGET = FIRST + timedelta(days=2, hours=7)
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # dask and pandas inside Feast
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SERVING_PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from cloud_optimizer.resources.feature_store import FeatureStore
store = FeatureStore(sys.argv[1], Path(sys.argv[2]))
assert store.apply() is False
assert store.online([("us", "w1")], "cloud_optimizer_inference", datetime(2024, 1, 18, tzinfo=UTC)).height == 1
assert store.read("us", datetime(2024, 1, 16, tzinfo=UTC), datetime(2024, 1, 17, tzinfo=UTC)).height == 96
store.close()
unwanted = ("feast", "dagster", "torch", "numba", "dask", "pandas", "redis", "cloud_optimizer.feature_repo")
print([name for name in unwanted if name in sys.modules])
"""

FEAST_COMMANDS = """
import json, sys
from feast.cli.cli import cli
for command in json.loads(sys.argv[2]):  # in one process: importing Feast takes seconds
    cli(["-c", sys.argv[1], *command], standalone_mode=False)
"""


def test_every_feature_reaches_feast_in_the_promised_views_and_services(store):
    feast = store.catalogue.feast
    views = {view.name: view for view in (*feast.list_feature_views(), *feast.list_on_demand_feature_views())}
    assert set(views) == {
        *(f"{group}_features" for group in ("workload", "temporal", "rolling", "lag", "cluster", "interaction")),
        "target_time_features",
    }
    registered = {field.name for view in views.values() for field in view.features}
    assert registered == {spec.name for spec in FEATURES} | set(TARGET_TIME)
    assert {entity.name for entity in feast.list_entities()} == {"cluster", "workload"}
    services = {service.name: service for service in feast.list_feature_services()}
    assert set(services) == set(SERVICES)
    for name, service in services.items():
        served = {field.name for projection in service.feature_view_projections for field in projection.features}
        assert served == set(SERVICES[name])


def test_applying_again_changes_nothing_and_serving_imports_nothing_of_the_definitions(store):
    command = [sys.executable, "-c", SERVING_PROGRAM, store.catalogue.url, str(store.root)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "[]", run.stderr


def test_online_tables_leave_room_for_updates_that_touch_no_index(store):
    with psycopg.connect(store.catalogue.url) as connection:
        query = "SELECT relname, reloptions FROM pg_class WHERE relname LIKE 'cloud_optimizer_%features'"
        options = dict(connection.execute(query).fetchall())
    assert options == {f"cloud_optimizer_{view}": ["fillfactor=45"] for view in STORED_VIEWS}


def test_other_definitions_or_another_folder_are_applied_again(store, tmp_path):
    assert FeatureStore(store.catalogue.url, tmp_path).catalogue.fingerprint() != store.catalogue.fingerprint()


def random_entities(count):
    """Workloads and times before, inside and after the rows, some of unknown workloads."""
    random = np.random.default_rng(5)
    minutes = random.integers(-60 * 6, 60 * 24 * 5, count)
    return pl.DataFrame(
        {
            "cluster": random.choice(CLUSTERS, count),
            "workload_id": random.choice(["w0", "w1", "w2", "w3", "nobody"], count),
            "event_timestamp": [FIRST + timedelta(minutes=int(minute)) for minute in minutes],
        }
    ).with_columns(target_timestamp=pl.col("event_timestamp") + timedelta(hours=5))


def test_a_training_set_equals_feasts_historical_features(store):
    # exact hours, and the edge of freshness to the microsecond
    edges = [FIRST + timedelta(hours=3), FIRST + timedelta(days=2) + FRESHNESS]
    edges += [edge + timedelta(microseconds=1) for edge in edges]
    exact = pl.DataFrame({"cluster": "us", "workload_id": "w2", "event_timestamp": edges})
    exact = exact.with_columns(target_timestamp=pl.col("event_timestamp") + timedelta(hours=5))
    entities = pl.concat([random_entities(300), exact], how="vertical_relaxed").unique()
    keys = ["cluster", "workload_id", "event_timestamp"]
    ours = store.training_set(entities, TRAINING).sort(keys)
    service = store.catalogue.feast.get_feature_service("cloud_optimizer_training")
    answer = store.catalogue.feast.get_historical_features(entity_df=entities.to_pandas(), features=service).to_df()
    feast = pl.from_pandas(answer).select(*keys, *(pl.col(name).cast(pl.Float32) for name in TRAINING)).sort(keys)
    feast = feast.with_columns(pl.col("event_timestamp").dt.cast_time_unit("us"))
    # Feast leaves out an entity whose rows are all stale; ours stays, with null and what is known of the cluster
    own = [name for name in TRAINING if VIEW_OF[name] not in ("cluster_features", "target_time_features")]
    dropped = ours.join(feast, on=keys, how="anti")
    assert 0 < dropped.height < 150
    assert dropped.select(pl.all_horizontal(pl.col(own).is_null()).all()).item()
    kept = ours.join(feast, on=keys, how="semi").select(feast.columns)
    assert kept.height > 150
    assert_frame_equal(kept, feast, check_exact=True)


def test_the_online_read_equals_feasts_own(store):
    workloads = [("us", "w0"), ("eu/west", "w0"), ("us", "w3"), ("us", "nobody"), ("asia", "w0"), ("us", "w0")]
    for service in SERVICES:
        ours = store.online(workloads, service, TARGET)
        assert_frame_equal(ours, store.catalogue.online(workloads, service, TARGET), check_exact=True)


def test_what_feast_writes_the_online_read_reads(store, frames):
    rows = frames["us"].with_columns(pl.lit("by feast").alias("cluster"))
    assert store.catalogue.write_online(rows) == 4
    ours = store.online([("by feast", f"w{number}") for number in range(4)], INFERENCE, TARGET)
    expected = store.online([("us", f"w{number}") for number in range(4)], INFERENCE, TARGET)
    assert_frame_equal(ours.drop("cluster"), expected.drop("cluster"), check_exact=True)


def test_what_feast_materializes_the_online_read_reads(store, frames):
    middle = FIRST + timedelta(days=1)
    store.write("materialized", frames["us"].with_columns(pl.lit("materialized").alias("cluster")))
    try:
        store.catalogue.feast.materialize(FIRST, middle)
        ours = store.online([("materialized", "w1")], "cloud_optimizer_realtime")
        row = frames["us"].filter(workload_id="w1", event_timestamp=middle)
        assert_frame_equal(ours.drop("cluster"), row.select(ours.columns[1:]), check_exact=True)
    finally:
        days = [FIRST.date(), middle.date()]
        store.write("materialized", frames["us"].clear(), days=days)
        for cluster, frame in frames.items():
            store.write_online(cluster, frame)


def test_the_feast_command_applies_lists_and_materializes_by_hand(warehouse_url, tmp_path, frames):
    store = FeatureStore(warehouse_url, tmp_path / "features")
    store.write("us", frames["us"])
    parts = conninfo_to_dict(warehouse_url)
    environment = {
        **os.environ,
        "PGHOST": str(parts["host"]),
        "PGPORT": "5432",
        "PGDATABASE": str(parts["dbname"]),
        "PGUSER": str(parts["user"]),
        "PGPASSWORD": "",
        "CLOUD_OPTIMIZER_HOME": str(tmp_path),
        "FEAST_USAGE": "False",
    }
    days = [str(time.replace(tzinfo=None)) for time in (FIRST, FIRST + timedelta(days=1))]
    commands = [["apply"], ["feature-views", "list"], ["materialize", *days]]
    program = [sys.executable, "-W", "ignore", "-c", FEAST_COMMANDS, str(REPOSITORY), json.dumps(commands)]
    run = subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert set(STORED_VIEWS) <= set(run.stdout.split())
    with psycopg.connect(warehouse_url) as connection:
        names = connection.execute("SELECT feature_service_name FROM feast.feature_services").fetchall()
    assert {name for (name,) in names} == set(SERVICES)
    row = frames["us"].filter(workload_id="w1", event_timestamp=FIRST + timedelta(days=1))
    online = store.online([("us", "w1")], "cloud_optimizer_realtime")
    assert_frame_equal(online, row.select(online.columns), check_exact=True)
    store.close()
