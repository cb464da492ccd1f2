"""Files that a command writes: refused before long work, and replaced in one step."""

import os
from pathlib import Path

from cloud_optimizer.core.errors import InputError


def require_file(path: Path | None) -> None:
    """Make the folder of a file that is to be written.

    Raises:
        InputError: The file cannot be written there.
    """
    if path is None:
        return
    require_folder(path.parent)
    if path.is_dir():
        raise InputError(f"{path} cannot be written: it is a folder.")


def require_folder(folder: Path) -> None:
    """Make a folder in which files are to be written.

    Raises:
        InputError: Files cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder} cannot be written to: it is a file.") from None
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder} cannot be written to: permission denied.")


def write_text(path: Path, text: str) -> None:
    """Write under a temporary name first: a reader never sees half a file."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)
