"""What happens to the rows when a loader, the server or the disk fails in the middle."""

import multiprocessing
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
from polars.testing import assert_frame_equal
from psycopg import sql

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.resources.postgres.migrations import migrate
from cloud_optimizer.resources.postgres.server_process import unprivileged_user
from cloud_optimizer.resources.warehouse import HOURS, RAW_SAMPLES, Warehouse
from cloud_optimizer_tests.resources.warehouse.frames import rows
from cloud_optimizer_tests.resources.warehouse.loader import DAY, NEXT, both, load_for_ever, many_rows

KILLS = 20
WORKLOADS = 2000
OTHER_CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def test_a_loader_killed_at_any_moment_leaves_a_whole_day_old_or_new(warehouse: Warehouse) -> None:
    started = time.monotonic()
    warehouse.replace("alpha", DAY, NEXT, both(WORKLOADS, -1))
    usual = time.monotonic() - started
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([load_for_ever.__module__])
    chance = random.Random(7)
    values = {-1.0}
    for attempt in range(KILLS):
        ready, told = processes.Pipe()
        loader = processes.Process(target=load_for_ever, args=(warehouse.url, WORKLOADS, 1000 * attempt, told))
        loader.start()
        assert ready.recv()
        time.sleep(chance.uniform(0, 3 * usual))
        loader.kill()
        loader.join()
        for end in (ready, told, loader):
            end.close()
        _wait_until_alone(warehouse)
        found = {table: warehouse.read(table, "alpha", DAY, NEXT) for table in (RAW_SAMPLES, HOURS)}
        value = found[RAW_SAMPLES]["cpu_usage_cores"][0]
        for table, frame in both(WORKLOADS, value).items():
            assert_frame_equal(found[table], frame)
        values.add(value)
    assert len(values) > 2  # some were killed after a commit
    warehouse.replace("alpha", DAY, NEXT, both(WORKLOADS, -1))
    for table, frame in both(WORKLOADS, -1).items():
        assert_frame_equal(warehouse.read(table, "alpha", DAY, NEXT), frame)


def _wait_until_alone(warehouse: Warehouse) -> None:
    """Wait until the server has noticed that the killed client is gone; ours of earlier reads stay."""
    own = 1  # the connection that is kept for cloning
    deadline = time.monotonic() + 30
    with psycopg.connect(warehouse.url, autocommit=True) as connection:
        while connection.execute(OTHER_CONNECTIONS).fetchone()[0] > own:  # type: ignore[index]
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_backfill_under_which_the_server_is_killed_and_restarted_completes(
    warehouse: Warehouse, postgres_server: EmbeddedPostgres
) -> None:
    patient = Warehouse(warehouse.url, retry_delays=(0.5,) * 120)
    days = [DAY + timedelta(days=number) for number in range(12)]
    progress: list[object] = []

    def backfill() -> None:
        for day in days:
            frame = rows(RAW_SAMPLES, "alpha", day, workloads=1000)
            patient.replace("alpha", day, day + timedelta(days=1), {RAW_SAMPLES: frame})
            progress.append(day)

    backfilling = threading.Thread(target=backfill)
    backfilling.start()
    while len(progress) < 3:
        time.sleep(0.005)
    psutil.Process(int((postgres_server.folder / "data/postmaster.pid").read_text().split("\n")[0])).kill()
    postgres_server.start()
    backfilling.join(timeout=120)
    assert progress == days
    whole = warehouse.read(RAW_SAMPLES, "alpha", days[0], days[-1] + timedelta(days=1))
    assert_frame_equal(whole, rows(RAW_SAMPLES, "alpha", DAY, days=len(days), workloads=1000))


@pytest.fixture
def small_disk(postgres_server: EmbeddedPostgres) -> Iterator[tuple[Warehouse, Path]]:
    """Return a warehouse whose database lies on a disk of 48 MB, and where that is mounted."""
    folder = Path(tempfile.mkdtemp(prefix="co-disk-"))
    mounted = os.geteuid() == 0 and _mount("-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder))
    if not mounted:
        folder.rmdir()
        pytest.skip("only root can mount a small disk")
    user = unprivileged_user()
    folder.chmod(0o755)
    (folder / "data").mkdir()
    shutil.chown(folder / "data", user, user)
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(folder / "data"))))
        connection.execute("CREATE DATABASE small TEMPLATE template0 TABLESPACE small")
    url = postgres_server.uri("small")
    migrate(url)
    yield Warehouse(url), folder
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE small WITH (FORCE)")
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLESPACE small")
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_one_clear_error_and_costs_nothing_that_was_there(small_disk: tuple[Warehouse, Path]) -> None:
    warehouse, folder = small_disk
    before, large = many_rows(RAW_SAMPLES, 1000, 1.0), many_rows(RAW_SAMPLES, 400_000, 2.0)
    warehouse.replace("alpha", DAY, NEXT, {RAW_SAMPLES: before})
    with pytest.raises(CloudOptimizerError, match=r"out of resources, nothing was changed: .*No space left on device"):
        warehouse.replace("alpha", DAY, NEXT, {RAW_SAMPLES: large})
    assert_frame_equal(warehouse.read(RAW_SAMPLES, "alpha", DAY, NEXT), before)
    assert _mount("-o", "remount,size=400m", str(folder))
    warehouse.replace("alpha", DAY, NEXT, {RAW_SAMPLES: large})
    assert warehouse.read(RAW_SAMPLES, "alpha", DAY, NEXT, ["replicas"]).height == large.height
