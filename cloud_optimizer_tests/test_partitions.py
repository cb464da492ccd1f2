"""Partition keys as slices: the fewest runs of consecutive days a cluster, and what a slice knows of its days."""

from datetime import UTC, date, datetime, timedelta

from dagster import DagsterInstance, MultiPartitionKey, MultiPartitionMapping
from hypothesis import given
from hypothesis import strategies as st

from cloud_optimizer.partitions import (
    DAYS,
    PARTITIONS,
    PREVIOUS_DAY,
    Slice,
    days_before,
    midnight,
    partition_key,
    slices,
)

MONDAY = date(2026, 3, 2)


def day(offset: int) -> date:
    return MONDAY + timedelta(days=offset)


def test_keys_in_any_order_become_runs_of_consecutive_days_a_cluster() -> None:
    keys = [partition_key("web", day(n)) for n in (4, 0, 1)] + [partition_key("batch", day(2))]
    assert slices(keys) == [Slice("batch", day(2), day(2)), Slice("web", day(0), day(1)), Slice("web", day(4), day(4))]


def test_keys_as_text_are_read_alike() -> None:
    assert slices(["web|2026-03-02", "web|2026-03-03"]) == [Slice("web", day(0), day(1))]


def test_a_month_ends_no_run() -> None:
    keys = [partition_key("web", date(2026, 2, 28)), partition_key("web", date(2026, 3, 1))]
    assert len(slices(keys)) == 1


def test_clusters_whose_days_follow_each_other_stay_apart() -> None:
    keys = [partition_key("a", day(0)), partition_key("b", day(1)), partition_key("c", day(2))]
    assert [part.cluster for part in slices(keys)] == ["a", "b", "c"]


def test_no_keys_give_no_slices() -> None:
    assert slices([]) == []


@given(st.sets(st.tuples(st.sampled_from(["web", "batch", "web-2", "ü b"]), st.integers(0, 40))))
def test_slices_hold_exactly_the_keys_and_could_not_be_fewer(parts: set[tuple[str, int]]) -> None:
    found = slices(partition_key(cluster, day(offset)) for cluster, offset in parts)
    held = [str(part.key(when)) for part in found for when in part.days]
    assert sorted(held) == sorted(str(partition_key(cluster, day(offset))) for cluster, offset in parts)
    ends = {(part.cluster, part.next_day) for part in found}
    assert ends.isdisjoint((part.cluster, part.first) for part in found)


def test_a_slice_covers_its_days_from_the_first_midnight_to_the_one_after_the_last() -> None:
    part = Slice("web", day(0), day(2))
    assert list(part.days) == [day(0), day(1), day(2)]
    assert (part.start, part.end) == (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC))
    assert part.next_day == day(3)
    assert midnight(day(0)) == part.start


def test_a_key_names_cluster_and_date_in_the_order_that_dagster_uses() -> None:
    key = Slice("web", day(0), day(0)).key(day(0))
    assert str(key) == "web|2026-03-02"
    assert key.keys_by_dimension == {"cluster": "web", "date": "2026-03-02"}
    assert PARTITIONS.get_partition_key_from_str("web|2026-03-02") == key


def upstream(mapping: MultiPartitionMapping, asked: MultiPartitionKey) -> list[str]:
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", ["batch", "web"])
        subset = PARTITIONS.subset_with_partition_keys([asked])
        now = datetime(2026, 4, 1, tzinfo=UTC)
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(
            subset, PARTITIONS, PARTITIONS, now, instance
        )
    assert result.required_but_nonexistent_subset.is_empty
    return sorted(result.partitions_subset.get_partition_keys())


def test_the_forecast_of_a_day_was_made_the_day_before_in_the_same_cluster() -> None:
    assert upstream(PREVIOUS_DAY, partition_key("web", day(1))) == ["web|2026-03-02"]


def test_what_looks_back_reads_its_own_day_and_those_before_it_of_its_cluster() -> None:
    keys = upstream(days_before(14), partition_key("web", day(14)))
    assert keys == [str(partition_key("web", day(n))) for n in range(15)]


def test_looking_back_from_the_first_days_ends_at_the_first_partition() -> None:
    second = DAYS.start.date() + timedelta(days=1)
    keys = upstream(days_before(14), partition_key("web", second))
    assert keys == [str(partition_key("web", when)) for when in (second - timedelta(days=1), second)]
