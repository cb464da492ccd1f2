"""Partitions on disk: safe names, replacement in one step."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.parquet import (
    held_open,
    partition_path,
    partition_paths,
    path_part,
    write_parquet,
)

DAY = date(2024, 5, 1)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_any_two_cluster_names_get_two_single_safe_path_parts(one, other):
    parts = [path_part(one), path_part(other)]
    assert (parts[0] == parts[1]) == (one == other)
    for part in parts:
        assert part.isascii()
        assert not set(part) & set("/\\:*?[]. |")


def test_a_cluster_without_a_name_is_refused_in_one_sentence():
    with pytest.raises(InputError, match="give it a name"):
        path_part("")


def test_the_longest_names_get_different_folders(tmp_path):
    paths = [partition_path(tmp_path, "名" * 199 + last, DAY) for last in "ab"]
    for path in paths:
        write_parquet(pl.DataFrame({"a": [1]}), path)
    assert len(set(paths)) == 2


@pytest.mark.parametrize("cluster", ["eu/west", "..", "a b|c", "100%", "名前", "x[0]*", "a'b"])
def test_what_is_written_for_a_cluster_is_found_again(tmp_path, cluster):
    path = partition_path(tmp_path, cluster, DAY)
    write_parquet(pl.DataFrame({"a": [1]}), path)
    assert path.parent.parent == tmp_path
    assert partition_paths(tmp_path, cluster, DAY, DAY) == [path]
    assert pl.scan_parquet(path, glob=False).collect()["a"].to_list() == [1]


def test_writing_again_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = partition_path(tmp_path, "c", DAY)
    for value in (1, 2):
        write_parquet(pl.DataFrame({"a": [value]}), path)
    assert pl.read_parquet(path)["a"].to_list() == [2]
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = partition_path(tmp_path, "c", DAY)
    write_parquet(pl.DataFrame({"a": [1]}), path)
    with pytest.raises(pl.exceptions.PolarsError):
        write_parquet(pl.DataFrame({"a": [object()]}), path)
    assert pl.read_parquet(path)["a"].to_list() == [1]
    assert list(path.parent.iterdir()) == [path]


def test_a_file_held_open_is_read_as_it_was_when_it_is_replaced_meanwhile(tmp_path):
    path = partition_path(tmp_path, "c", DAY)
    write_parquet(pl.DataFrame({"a": [1] * 1000, "b": ["x"] * 1000}), path)
    with held_open([path]) as files:
        frame = pl.scan_parquet(files)
        frame.collect_schema()
        write_parquet(pl.DataFrame({"a": [2], "b": ["y"]}), path)
        assert frame.collect().unique().rows() == [(1, "x")]
    assert pl.read_parquet(path, glob=False).rows() == [(2, "y")]


def test_a_file_that_was_removed_meanwhile_is_left_out(tmp_path):
    kept, removed = (partition_path(tmp_path, "c", day) for day in (DAY, date(2024, 5, 2)))
    write_parquet(pl.DataFrame({"a": [1]}), kept)
    with held_open([kept, removed]) as files:
        assert len(files) == 1
    assert files[0].closed
