"""A full disk is named, whoever says so; every other error stays what it is."""

import errno

import pytest

from cloud_optimizer.resources.disk_room import DiskFull, room_expected

SENTENCE = r"^The disk of features is full, nothing was changed: make room, then run this again\.$"


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "x"), OSError(errno.EDQUOT, "x"), ValueError("io: No space left on device (os error 28)")],
    ids=["disk", "quota", "words"],
)
def test_a_full_disk_is_one_sentence(error: Exception) -> None:
    with pytest.raises(DiskFull, match=SENTENCE), room_expected("features"):
        raise error


def test_other_errors_pass_and_the_inner_place_counts() -> None:
    with pytest.raises(PermissionError), room_expected("features"):
        raise PermissionError(errno.EACCES, "No space left on device")
    with pytest.raises(DiskFull, match="disk of features"), room_expected("models"), room_expected("features"):
        raise OSError(errno.ENOSPC, "x")
