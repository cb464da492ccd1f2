"""One result a check for a run of many slices: it passes when all do, and names where automation should act."""

from datetime import date

from dagster import AssetCheckSeverity, AssetKey

from cloud_optimizer.assets.checks import SliceCheck, check_results, check_specs
from cloud_optimizer.partitions import Slice

BLOCKING = {"freshness": True, "drift": False}
FIRST, SECOND, THIRD = (
    Slice("web", date(2026, 3, 1), date(2026, 3, 2)),
    Slice("web", date(2026, 3, 4), date(2026, 3, 4)),
    Slice("batch", date(2026, 3, 1), date(2026, 3, 1)),
)


def check(part: Slice, passed: bool, name: str = "freshness", words: str = "words") -> SliceCheck:
    return SliceCheck(name, part, passed, words, {"rows": part.last.day})


def test_specs_say_what_blocks_and_what_holds() -> None:
    specs = check_specs("workload_metrics", BLOCKING, {"freshness": "It is new."})
    assert [(spec.name, spec.blocking, spec.description) for spec in specs] == [
        ("freshness", True, "It is new."),
        ("drift", False, None),
    ]
    assert {spec.asset_key for spec in specs} == {AssetKey("workload_metrics")}


def test_a_check_passes_when_every_slice_does_and_shows_the_last_one() -> None:
    (result,) = check_results("x", [check(FIRST, True, words="a"), check(SECOND, True, words="b")], BLOCKING)
    assert result.passed
    assert result.description == "a; b"
    shown = {name: value.value for name, value in result.metadata.items()}
    assert shown == {"cluster": "web", "partition": "web|2026-03-04", "rows": 4, "failed": []}


def test_one_failing_slice_fails_the_check_and_is_the_one_that_is_named() -> None:
    checks = [check(FIRST, True), check(THIRD, False, words="old"), check(SECOND, True)]
    (result,) = check_results("x", checks, BLOCKING)
    assert not result.passed
    assert result.description == "old"
    assert (result.metadata["cluster"].value, result.metadata["partition"].value) == ("batch", "batch|2026-03-01")


def test_of_several_failures_the_last_is_acted_on_and_all_are_told() -> None:
    checks = [check(FIRST, False, words="one"), check(SECOND, False, words="two")]
    (result,) = check_results("x", checks, BLOCKING)
    assert result.description == "one; two"
    assert result.metadata["partition"].value == "web|2026-03-04"


def test_every_cluster_that_failed_is_named_with_its_newest_partition_and_its_own_words() -> None:
    checks = [check(FIRST, False, words="one"), check(SECOND, False, words="two"), check(THIRD, False, words="three")]
    (result,) = check_results("x", checks, BLOCKING)
    assert result.description == "web: one; web: two; batch: three"
    assert result.metadata["failed"].value == [
        {"cluster": "web", "partition": "web|2026-03-04", "description": "one; two"},
        {"cluster": "batch", "partition": "batch|2026-03-01", "description": "three"},
    ]


def test_severity_follows_from_whether_the_check_blocks() -> None:
    results = check_results("x", [check(FIRST, False), check(FIRST, False, "drift")], BLOCKING)
    assert {result.check_name: result.severity for result in results} == {
        "freshness": AssetCheckSeverity.ERROR,
        "drift": AssetCheckSeverity.WARN,
    }
