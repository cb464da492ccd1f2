"""What people tell by files and marks, as the command takes it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cloud_optimizer.cli.main import app
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.recommendations.inputs import PREFERENCES_SCHEMA
from cloud_optimizer.resources.warehouse import HOURS, REALISED_SAVINGS, RECOMMENDATIONS, Warehouse
from cloud_optimizer.resources.warehouse.dimensions import read_prices, read_workloads
from cloud_optimizer.resources.warehouse.life_cycle import read_ledger
from cloud_optimizer.settings import load_settings
from cloud_optimizer_tests.resources.warehouse.frames import rows

DAY = date(2025, 3, 1)
NOW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(autouse=True)
def _on_this_database(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLOUD_OPTIMIZER_HOME", str(tmp_path))
    monkeypatch.setenv("CLOUD_OPTIMIZER_DATABASE_URL", warehouse.url)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def file(folder: Path, text: str) -> Path:
    path = folder / "facts.csv"
    path.write_text(text)
    return path


def test_workloads_are_told_from_a_file(warehouse: Warehouse, tmp_path: Path) -> None:
    path = file(tmp_path, "workload_id,owner,slo_class,headroom\nweb,ann,critical,0.2\ndb,bob,,\n")
    done = run("load", "workloads", path, "--cluster", "shop", "--since", "2025-03-01")
    assert done.output == "2 workloads are known from 2025-03-01 00:00 UTC on.\n"
    known = read_workloads(warehouse, "shop", datetime(2025, 3, 1, tzinfo=UTC))
    assert known.select("workload_id", "owner", "slo_class", "headroom").rows() == [
        ("db", "bob", None, None),
        ("web", "ann", "critical", 0.2),
    ]


def test_everything_that_a_recommendation_respects_can_be_told(warehouse: Warehouse, tmp_path: Path) -> None:
    told = {name: None for name in PREFERENCES_SCHEMA if name not in {"workload_id", "last_changed_at"}}
    told |= {"slo_class": "batch", "oom_memory_bytes": 3e9, "in_place_resize": "true", "maximum_replicas": 4}
    cells = ",".join("" if value is None else str(value) for value in told.values())
    path = file(tmp_path, f"cluster,workload_id,{','.join(told)}\nshop,web,{cells}\n")
    assert run("load", "workloads", path).exit_code == 0
    known = read_workloads(warehouse, "shop", NOW)
    facts = ("slo_class", "oom_memory_bytes", "in_place_resize", "maximum_replicas")
    assert known.select(facts).row(0) == ("batch", 3e9, True, 4.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("workload_id,owner\nweb,ann\n", "facts.csv lacks the column cluster"),
        ("cluster,workload_id,slo_class\nshop,web,gold\n", "slo_class of workload web is gold: it must be critical"),
        ("cluster,workload_id,owner\nshop,web,a\nshop,web,b\n", "Workload web is named twice"),
        ("cluster,workload_id,core_hour\nshop,web,-1\n", "core_hour of workload web is -1.0: it must be 0 or more"),
        (
            "cluster,workload_id,minimum_replicas,maximum_replicas\nshop,db,2,4\nshop,web,5,3\n",
            "Workload web has more minimum_replicas than maximum_replicas: exchange them.",
        ),
        (
            "cluster,workload_id,maintenance_weekday,maintenance_start_hour\nshop,db,,3\nshop,web,6,\n",
            "Workload web has a maintenance_weekday and no maintenance_start_hour: say when its window opens.",
        ),
        ("cluster,workload_id,currency\nshop,web,EURO\n", "EURO is no currency: give its ISO 4217 code"),
        ("cluster,workload_id,owner\nsh|op,web,a\n", "The cluster name 'sh|op' contains"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    warehouse: Warehouse, tmp_path: Path, text: str, sentence: str
) -> None:
    done = run("load", "workloads", file(tmp_path, text))
    assert isinstance(done.exception, CloudOptimizerError)
    assert str(done.exception).startswith(sentence)
    assert read_workloads(warehouse, "shop", NOW).is_empty()


def test_prices_become_the_price_table(warehouse: Warehouse, tmp_path: Path) -> None:
    path = file(tmp_path, "cluster,sku,core_hour,gib_hour,currency\nshop,,0.04,0.005,EUR\n,,0.03,0.004,\n")
    assert run("load", "prices", path).output == "The price table has 2 rows now.\n"
    assert read_prices(warehouse)["currency"].to_list() == ["EUR", "USD"]
    refused = run("load", "prices", file(tmp_path, "core_hour,gib_hour\n0.03,-1\n"))
    assert "give both, 0 or more" in str(refused.exception)
    assert read_prices(warehouse).height == 2


def test_a_bill_reports_what_it_priced_and_which_lines_gave_no_price(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.replace("shop", DAY, DAY + timedelta(days=1), {HOURS: rows(HOURS, "shop", DAY)})
    header = (
        "ResourceId,ChargeCategory,ChargeClass,ServiceCategory,ChargePeriodStart,ChargePeriodEnd,BilledCost,"
        "EffectiveCost,ListCost,ConsumedQuantity,ConsumedUnit,BillingCurrency\n"
    )
    line = "{},Usage,,Compute,2025-03-01T00:00:00Z,2025-03-01T01:00:00Z,1,0.1,0.1,1,Hours,USD\n"
    done = run("load", "costs", file(tmp_path, header + line.format("w0") + line.format("vm-9")), "--cluster", "shop")
    assert "2 cost lines of shop, 2025-03-01 to 2025-03-01; 1 workloads have prices of their own now." in done.output
    assert "resource is not a workload here" in done.output


def test_marks_follow_the_life_cycle_all_or_none(warehouse: Warehouse) -> None:
    warehouse.replace("shop", DAY, DAY + timedelta(days=1), {RECOMMENDATIONS: rows(RECOMMENDATIONS, "shop", DAY)})
    first, second = f"shop/w0/{DAY}", f"shop/w1/{DAY}"
    assert run("mark", "applied", first, "--by", "ann").exit_code == 0
    refused = run("mark", "dismissed", first, second)
    assert "is applied and cannot become dismissed" in str(refused.exception)
    statuses = warehouse.read(RECOMMENDATIONS, "shop", DAY, DAY + timedelta(days=1))["status"]
    assert statuses.to_list() == ["applied", "proposed"]
    assert read_ledger(warehouse, "shop", NOW).select("recommendation_id", "applied_by").rows() == [(first, "ann")]
    assert run("mark", "lost", first).exit_code == 2


def test_a_mark_in_the_past_says_which_days_are_measured_again(warehouse: Warehouse) -> None:
    end = DAY + timedelta(days=3)
    for table in (RECOMMENDATIONS, HOURS):
        warehouse.replace("shop", DAY, end, {table: rows(table, "shop", DAY, days=3)})
    warehouse.replace("shop", DAY, end, {REALISED_SAVINGS: REALISED_SAVINGS.schema.to_frame()})
    first, second = (f"shop/w{number}/{DAY}" for number in range(2))
    assert run("mark", "applied", second, "--at", "2125-01-01").output == f"1 now applied: {second}\n"
    told = run("mark", "applied", first, "--at", str(DAY + timedelta(days=1))).output
    assert f"Savings of shop from {DAY + timedelta(days=1)} to {DAY + timedelta(days=2)} were measured before" in told
    other = rows(RECOMMENDATIONS, "bank", DAY)
    warehouse.replace("bank", DAY, DAY + timedelta(days=1), {RECOMMENDATIONS: other})
    assert run("mark", "applied", f"bank/w0/{DAY}").output == f"1 now applied: bank/w0/{DAY}\n"
    dismissed = f"shop/w0/{DAY + timedelta(days=1)}"
    assert run("mark", "dismissed", dismissed).output == f"1 now dismissed: {dismissed}\n"


def test_a_mark_is_made_whatever_comes_of_the_look_at_what_it_outdates(warehouse: Warehouse) -> None:
    warehouse.replace("shop", DAY, DAY + timedelta(days=1), {RECOMMENDATIONS: rows(RECOMMENDATIONS, "shop", DAY)})
    with psycopg.connect(warehouse.url) as connection:
        connection.execute("DROP TABLE loads CASCADE")
    marked = run("mark", "applied", f"shop/w0/{DAY}")
    assert (marked.exit_code, marked.output.splitlines()[0]) == (0, f"1 now applied: shop/w0/{DAY}")
    assert "were measured before this was known could not be looked up: The database lacks tables" in marked.output


def test_a_change_promised_in_a_currency_that_the_bill_left_can_be_recorded_by_either_way_out(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    end = DAY + timedelta(days=2)
    advice = rows(RECOMMENDATIONS, "shop", DAY, days=2, workloads=2)
    newer = pl.when(pl.col("date") == DAY).then(pl.lit("USD")).otherwise(pl.lit("EUR"))
    warehouse.replace("shop", DAY, end, {RECOMMENDATIONS: advice.with_columns(currency=newer)})
    price = "cluster,workload_id,core_hour,gib_hour,currency\nshop,w{},0.1,0.01,{}\n"
    for workload in (0, 1):
        run("load", "workloads", file(tmp_path, price.format(workload, "USD")), "--since", "2025-01-01")
        run("load", "workloads", file(tmp_path, price.format(workload, "EUR")), "--since", str(end))
    at = ("--at", f"{end} 09:30:15")
    refused = str(run("mark", "applied", f"shop/w0/{DAY}", *at).exception)
    assert run("mark", "dismissed", f"shop/w0/{DAY}").exit_code == 0
    assert run("mark", "applied", f"shop/w0/{DAY + timedelta(days=1)}", *at).exit_code == 0
    since = refused.partition("--since ")[2].partition(",")[0]
    run("load", "workloads", file(tmp_path, price.format(1, "USD")), "--since", since)
    assert run("mark", "applied", f"shop/w1/{DAY}", *at).exit_code == 0
    assert read_ledger(warehouse, "shop", NOW)["currency"].to_list() == ["EUR", "USD"]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in str(run("load", "prices", tmp_path / "none.csv").exception)
    assert "is a folder" in str(run("load", "prices", tmp_path).exception)


def test_columns_of_parquet_keep_their_types(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "facts.parquet"
    pl.DataFrame({"cluster": ["shop"], "workload_id": ["web"], "horizontally_scaled": [True]}).write_parquet(path)
    assert run("load", "workloads", path).exit_code == 0
    assert read_workloads(warehouse, "shop", NOW)["horizontally_scaled"].to_list() == [True]


def test_a_typed_cell_that_would_change_is_refused_by_its_row_in_the_parquet_file(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    path = tmp_path / "facts.parquet"
    facts = {"cluster": ["shop"] * 2, "workload_id": ["db", "web"], "maintenance_weekday": [1.0, 2.5]}
    pl.DataFrame(facts).write_parquet(path)
    refused = run("load", "workloads", path)
    assert str(refused.exception) == "facts.parquet, column maintenance_weekday, row 2: '2.5' is not a whole number."
    assert read_workloads(warehouse, "shop", NOW).is_empty()
