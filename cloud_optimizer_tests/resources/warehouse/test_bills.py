"""A bill in FOCUS 1.2 becomes stored lines and prices of workloads, or one sentence and nothing."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from cloud_optimizer.core.costs.prices import PriceSettings
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.warehouse import COST_LINES, HOURS, Warehouse
from cloud_optimizer.resources.warehouse.bills import LoadedBill, load_bill
from cloud_optimizer.resources.warehouse.dimensions import prices_at, read_workloads, record_workloads
from cloud_optimizer_tests.resources.warehouse.frames import rows

DAY = date(2025, 3, 1)
START = datetime(2025, 3, 1, tzinfo=UTC)
IDS = pl.Series(["w0", "w1"])


def bill(**changes: object) -> pl.DataFrame:
    """Return two lines as a CSV file gives them: an instance-hour of w0 by its resource id, and a tax."""
    line = {
        "ResourceId": "i-0",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ServiceCategory": "Compute",
        "ChargePeriodStart": "2025-03-01T00:00:00Z",
        "ChargePeriodEnd": "2025-03-01T01:00:00Z",
        "BilledCost": "0.2",
        "EffectiveCost": "0.1",
        "ListCost": "0.3",
        "ConsumedQuantity": "1",
        "ConsumedUnit": "Hours",
        "BillingCurrency": "EUR",
        "Tags": '{"team": "a"}',
        "x_Discount": "unused",
    } | changes
    return pl.DataFrame([line, line | {"ChargeCategory": "Tax", "Tags": '{"a": NaN}'}])


@pytest.fixture
def fleet(warehouse: Warehouse) -> Warehouse:
    """Return a warehouse in which w0 and w1 have one core and one byte, and w0 is known as i-0 on bills."""
    warehouse.replace("alpha", DAY, DAY + timedelta(days=1), {HOURS: rows(HOURS, "alpha", DAY)})
    facts = pl.DataFrame({"cluster": ["alpha"], "workload_id": ["w0"], "resource_id": ["i-0"]})
    record_workloads(warehouse, facts, START)
    return warehouse


def load(fleet: Warehouse, lines: pl.DataFrame) -> LoadedBill:
    return load_bill(fleet, lines, "alpha", "bill.csv", PriceSettings(core_hour=0.2, gib_hour=0.1))


def test_lines_are_stored_and_workloads_get_the_prices_they_imply(fleet: Warehouse) -> None:
    loaded = load(fleet, bill())
    assert (loaded.lines, loaded.first_day, loaded.last_day) == (2, DAY, DAY)
    assert loaded.bill.unused.select("reason", "lines").rows() == [("not usage", 1)]
    stored = fleet.read(COST_LINES, "alpha", DAY, DAY + timedelta(days=1))
    assert sorted(stored["Tags"].to_list(), key=str) == [None, '{"team": "a"}']
    prices = prices_at(fleet, "alpha", IDS, START, PriceSettings(core_hour=0.2, gib_hour=0.1))
    # .10 for an hour of one core and next to no memory
    assert prices["core_hour"].to_list() == pytest.approx([0.1, 0.2], rel=1e-6)
    assert prices["list_core_hour"].to_list() == pytest.approx([0.3, 0.2], rel=1e-6)
    assert prices["currency"].to_list() == ["EUR", "USD"]


def test_the_same_bill_again_changes_nothing(fleet: Warehouse) -> None:
    def known() -> tuple[list[object], list[object]]:
        lines = fleet.read(COST_LINES, "alpha", DAY, DAY + timedelta(days=1))
        return lines.rows(), read_workloads(fleet, "alpha", START).rows()

    load(fleet, bill())
    before = known()
    load(fleet, bill())
    assert known() == before


def test_a_corrected_bill_leaves_the_prices_of_the_next_one_as_they_are(fleet: Warehouse) -> None:
    march, april = ({"ChargePeriodStart": f"2025-0{n}-01", "ChargePeriodEnd": f"2025-0{n + 1}-01"} for n in (3, 4))
    load(fleet, bill(**march))
    load(fleet, bill(**april))  # the price is the same
    load(fleet, bill(**march, EffectiveCost="0.2"))
    days = [START + timedelta(days=number) for number in (30, 31)]
    known = [prices_at(fleet, "alpha", IDS[:1], day, PriceSettings())["core_hour"].item() for day in days]
    assert known == pytest.approx([0.2, 0.1], rel=1e-6)


def test_tags_that_are_a_map_are_kept_as_json(fleet: Warehouse) -> None:
    entry = pl.Struct({"key": pl.String, "value": pl.String})
    tags = pl.Series([[{"key": "team", "value": "a"}, {"key": "env", "value": None}], None], dtype=pl.List(entry))
    load(fleet, bill().with_columns(Tags=tags))
    stored = fleet.read(COST_LINES, "alpha", DAY, DAY + timedelta(days=1))
    assert set(stored["Tags"]) == {'{"team": "a", "env": null}', None}


def test_a_line_of_a_month_takes_the_place_of_the_days_it_covers(fleet: Warehouse) -> None:
    daily = [bill(ChargePeriodStart=f"2025-03-0{n}", ChargePeriodEnd=f"2025-03-0{n + 1}") for n in (1, 2, 3)]
    load(fleet, pl.concat(daily))
    load(fleet, bill(ChargePeriodStart="2025-03-01", ChargePeriodEnd="2025-04-01"))
    assert fleet.read(COST_LINES, "alpha", DAY, DAY + timedelta(days=40)).height == 2


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (bill(EffectiveCost="cheap"), r"bill.csv, column EffectiveCost, row 2: 'cheap' is not a number"),
        (bill(ChargePeriodStart=""), r"bill.csv, column ChargePeriodStart, row 2: is needed in every row"),
        (bill(EffectiveCost="NaN"), r"column EffectiveCost, row 2: 'NaN' is not a number"),
        (bill(ChargeCategory="usage"), "has the ChargeCategory usage: FOCUS 1.2 knows Usage"),
        (bill(ChargePeriodEnd="2025-03-01T00:00:00Z"), "ends before it began"),
        (bill().drop("ListCost"), "lack the FOCUS column ListCost"),
        (bill().clear(), "bill.csv has no cost lines"),
        (bill().with_columns(BillingCurrency=pl.Series(["EUR", "USD"])), "mix currencies"),
    ],
)
def test_a_bill_that_cannot_be_used_leaves_nothing(fleet: Warehouse, lines: pl.DataFrame, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load(fleet, lines)
    assert fleet.days(COST_LINES, "alpha") == []
