"""The migration runner, on a real server."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.resources.postgres.migrations import migrate, read_migrations
from cloud_optimizer.resources.postgres.server_process import binaries
from cloud_optimizer.resources.postgres.sql_files import MIGRATIONS
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.watch import outdated_savings

RUN = "import sys; from pathlib import Path; from cloud_optimizer.resources.postgres.migrations import migrate;"


@pytest.fixture
def url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """Return the address of an empty database."""
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty TEMPLATE template0")
        yield postgres_server.uri("empty")
        connection.execute("DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return two small migrations."""
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (x int); INSERT INTO one VALUES (1);")
    (tmp_path / "0002_two.sql").write_text("CREATE TABLE two (x int);")
    return tmp_path


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def migrate_until(last: int, url: str, folder: Path) -> None:
    for number in range(1, last + 1):
        (path,) = MIGRATIONS.glob(f"{number:04}_*.sql")
        (folder / path.name).write_bytes(path.read_bytes())
    migrate(url, folder)


def test_each_migration_is_applied_once_and_new_ones_follow(url: str, folder: Path) -> None:
    assert migrate(url, folder) == ["0001_one", "0002_two"]
    assert migrate(url, folder) == []
    (folder / "0003_three.sql").write_text("CREATE TABLE three (x int);")
    assert migrate(url, folder) == ["0003_three"]
    assert tables(url) == {"one", "two", "three", "schema_migrations"}


def test_an_edited_migration_is_refused_before_anything_is_applied(url: str, folder: Path) -> None:
    migrate(url, folder)
    (folder / "0001_one.sql").write_text("CREATE TABLE one (x bigint);")
    (folder / "0003_three.sql").write_text("CREATE TABLE three (x int);")
    with pytest.raises(CloudOptimizerError, match="0001_one was edited"):
        migrate(url, folder)
    assert "three" not in tables(url)


def test_a_database_newer_than_the_program_is_refused(url: str, folder: Path) -> None:
    migrate(url, folder)
    (folder / "0002_two.sql").unlink()
    with pytest.raises(CloudOptimizerError, match="upgrade the program"):
        migrate(url, folder)


def test_a_failing_migration_leaves_nothing_of_itself_and_names_its_file(url: str, folder: Path) -> None:
    (folder / "0002_two.sql").write_text("CREATE TABLE two (x int); SELECT 1 / 0;")
    with pytest.raises(CloudOptimizerError, match="0002_two failed and was rolled back: division by zero"):
        migrate(url, folder)
    assert tables(url) == {"one", "schema_migrations"}


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_again.sql"])
def test_numbers_must_be_consecutive(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(CloudOptimizerError, match="not numbered"):
        read_migrations(folder)


def test_runners_that_start_at_once_apply_everything_once(url: str) -> None:
    code = RUN + "print(len(migrate(sys.argv[1])))"
    runners = [subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    counts = [int(runner.communicate(timeout=120)[0]) for runner in runners]
    assert sorted(counts) == [0, 0, len(read_migrations())]


def test_a_runner_killed_midway_leaves_whole_migrations_and_lets_the_next_one_finish(url: str, folder: Path) -> None:
    (folder / "0002_two.sql").write_text("CREATE TABLE two (x int); SELECT pg_sleep(60);")
    runner = subprocess.Popen([sys.executable, "-c", RUN + "migrate(sys.argv[1], Path(sys.argv[2]))", url, str(folder)])
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + 60
        while connection.execute(asleep).fetchone() == (0,) and time.monotonic() < deadline:
            time.sleep(0.05)
        runner.kill()
        runner.wait()
        # the server notices a dead client at its next word to it, which a sleeping statement never sends
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
    assert tables(url) == {"one", "schema_migrations"}
    (folder / "0002_two.sql").write_text("CREATE TABLE two (x int);")
    assert migrate(url, folder) == ["0002_two"]


def test_psql_runs_the_files_as_they_are(url: str) -> None:
    files = [argument for path in sorted(MIGRATIONS.glob("*.sql")) for argument in ("-f", str(path))]
    command = [str(binaries() / "psql"), url, "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"workload_metrics", "recommendations"} <= tables(url)


def test_rollups_are_filled_from_hours_that_were_loaded_before_there_were_any(url: str, tmp_path: Path) -> None:
    migrate_until(7, url, tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT ensure_partitions('workload_hours', '2025-01-01', '2025-01-02')")
        connection.execute(
            "INSERT INTO workload_hours (cluster, workload_id, timestamp, on_count, off_count, expected_count)"
            " VALUES ('alpha', 'w', '2025-01-01 05:00+00', 12, 0, 12)"
        )
        connection.execute("INSERT INTO loads VALUES ('workload_hours', 'alpha', '2025-01-01', 1)")
    migrate(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT workload_id, on_slots FROM workload_days").fetchall() == [("w", 12)]


ENTRY = """
INSERT INTO savings_ledger (recommendation_id, cluster, workload_id, applied_at, applied_by)
VALUES ('{0}', 'web', '{0}', '2025-03-01', 'ann')
"""
MEASURED = """
INSERT INTO loads (table_name, cluster, date, row_count) VALUES
    ('workload_hours', 'web', '2025-03-01', 24), ('realised_savings', 'web', '2025-03-01', 0)
"""


def test_entries_of_the_ledger_from_before_their_time_was_kept_put_no_day_out_of_date(url: str, tmp_path: Path) -> None:
    migrate_until(13, url, tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute(MEASURED)
        connection.execute(ENTRY.format("before"))
    assert "0014_ledger_recorded" in migrate(url)
    assert outdated_savings(Warehouse(url)).is_empty()
    with psycopg.connect(url) as connection:
        connection.execute(ENTRY.format("after"))
    assert outdated_savings(Warehouse(url))["date"].to_list() == [date(2025, 3, 1)]


SPELLS = """
INSERT INTO workloads (cluster, workload_id, valid_from, valid_to, owner, core_hour) VALUES
    ('web', 'w', '2025-01-01', '2025-02-01', 'ann', NULL), ('web', 'w', '2025-02-01', '2025-03-01', 'ann', 0.03),
    ('web', 'w', '2025-03-01', NULL, NULL, 0.03)
"""


def test_what_was_known_of_workloads_before_counts_as_told_where_it_changed(url: str, tmp_path: Path) -> None:
    migrate_until(12, url, tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute(SPELLS)
    assert "0013_facts_as_told" in migrate(url)
    with psycopg.connect(url) as connection:
        told = connection.execute("SELECT told FROM workloads ORDER BY valid_from").fetchall()
    assert told == [(["owner"],), (["core_hour"],), (["owner"],)]
