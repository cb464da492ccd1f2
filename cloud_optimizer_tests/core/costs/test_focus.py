"""Unit prices from FOCUS cost lines: amortised usage only, split between cores and memory, nothing lost unseen."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from cloud_optimizer.core.costs.focus import FOCUS_SCHEMA, prices_from_bill
from cloud_optimizer.core.costs.prices import PriceSettings
from cloud_optimizer.core.errors import InputError

GIB = 2.0**30
START = datetime(2026, 3, 1, tzinfo=UTC)
RESOURCES = pl.DataFrame(
    {
        "cluster": ["shop", "shop"],
        "workload_id": ["web", "batch"],
        "resource_id": ["i-1", "task-2"],
        "cpu_capacity_cores": [4.0, 1.0],
        "memory_capacity_bytes": [16 * GIB, 2 * GIB],
    }
)
SETTINGS = PriceSettings(core_hour=0.03, gib_hour=0.005)


def line(
    resource: str, effective: float, listed: float, quantity: float | None, unit: str, **other: object
) -> dict[str, object]:
    return {
        "ResourceId": resource,
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ServiceCategory": "Compute",
        "ChargePeriodStart": START,
        "ChargePeriodEnd": START + timedelta(hours=1),
        "BilledCost": 0.0,
        "EffectiveCost": effective,
        "ListCost": listed,
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "BillingCurrency": "EUR",
    } | other


def bill(*lines: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(lines), schema=FOCUS_SCHEMA)


def test_an_instance_price_is_split_in_the_proportion_of_the_default_prices() -> None:
    # two lines of the instance: .05 for half an hour under a commitment, .10 for 1.5 hours on demand: .15 / 2 h = .075
    lines = bill(line("i-1", 0.05, 0.2, 0.5, "Hours"), line("i-1", 0.10, 0.6, 1.5, "Hours"))
    prices = prices_from_bill(lines, RESOURCES, SETTINGS).prices.row(0, named=True)
    # the defaults say 4 * .03 + 16 * .005 = .20 an hour, so the factor is .075 / .20 = .375; listed .4 / .2 = 2
    assert prices["core_hour"] == pytest.approx(0.03 * 0.375)
    assert prices["gib_hour"] == pytest.approx(0.005 * 0.375)
    assert prices["list_core_hour"] == pytest.approx(0.06)
    assert prices["currency"] == "EUR"


def test_meters_of_cores_and_memory_price_them_directly() -> None:
    lines = bill(line("task-2", 0.8, 1.0, 20.0, "vCPU-Hours"), line("task-2", 0.4, 0.4, 2**30 / 1e9 * 40, "GB-Hours"))
    prices = prices_from_bill(lines, RESOURCES, SETTINGS).prices.row(0, named=True)
    assert prices["core_hour"] == pytest.approx(0.04)
    assert prices["list_core_hour"] == pytest.approx(0.05)
    assert prices["gib_hour"] == pytest.approx(0.01)


def test_what_no_meter_of_a_bill_names_costs_nothing() -> None:
    prices = prices_from_bill(bill(line("task-2", 0.8, 1.0, 20.0, "vCPU-Hours")), RESOURCES, SETTINGS).prices
    assert prices.select("core_hour", "gib_hour", "list_gib_hour").row(0) == (pytest.approx(0.04), 0.0, 0.0)


def test_every_line_that_gives_no_price_is_counted_with_its_reason() -> None:
    lines = bill(
        line("i-1", 1.0, 1.0, 1.0, "Hours", ChargeCategory="Purchase"),
        line("i-1", 2.0, 2.0, 1.0, "Hours", ChargeClass="Correction"),
        line("i-9", 3.0, 3.0, 1.0, "Hours"),
        line("i-1", 4.0, 4.0, 1.0, "GB-Months", ServiceCategory="Storage"),
        line("i-1", 5.0, 5.0, 1.0, "Requests"),
        line("i-1", 6.0, 6.0, None, "Hours"),
    )
    result = prices_from_bill(lines, RESOURCES, SETTINGS)
    assert result.prices.is_empty()
    assert dict(result.unused.select("reason", "effective_cost").iter_rows()) == {
        "not usage": 1.0,
        "correction of an earlier period": 2.0,
        "resource is not a workload here": 3.0,
        "not compute": 4.0,
        "unit meters neither cores nor memory": 5.0,
        "no consumed quantity": 6.0,
    }


def test_a_refund_lowers_a_price_and_never_below_nothing() -> None:
    used, refund = line("i-1", 1.0, 1.0, 2.0, "Hours"), line("i-1", -0.6, 0.0, 2.0, "Hours")
    lowered = prices_from_bill(bill(used, refund), RESOURCES, SETTINGS)
    assert lowered.prices["core_hour"].item() == pytest.approx(0.03 * (0.4 / 4.0) / 0.20)
    refunded = prices_from_bill(bill(used, refund, refund), RESOURCES, SETTINGS)
    assert refunded.prices.is_empty()
    assert refunded.unused.row(0) == ("more was refunded than used", 3, pytest.approx(-0.2))


def test_mixed_currencies_and_missing_columns_are_refused() -> None:
    mixed = bill(line("i-1", 1.0, 1.0, 1.0, "Hours"), line("i-1", 1.0, 1.0, 1.0, "Hours", BillingCurrency="USD"))
    with pytest.raises(InputError, match="EUR, USD"):
        prices_from_bill(mixed, RESOURCES, SETTINGS)
    with pytest.raises(InputError, match="EffectiveCost"):
        prices_from_bill(mixed.drop("EffectiveCost"), RESOURCES, SETTINGS)
