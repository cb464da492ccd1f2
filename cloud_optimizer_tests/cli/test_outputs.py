"""Outputs that cannot be written are refused at once; those that can replace what was there in one step."""

from pathlib import Path

import pytest

from cloud_optimizer.cli.outputs import require_file, require_folder, write_text
from cloud_optimizer.core.errors import InputError


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    require_file(tmp_path / "a" / "b" / "out.json")
    assert (tmp_path / "a" / "b").is_dir()
    require_file(None)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: it is a folder"):
        require_file(tmp_path)


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(InputError, match="cannot be"):
        require_folder(tmp_path / "taken" / below)


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write_text(path, "old and longer")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "old"
