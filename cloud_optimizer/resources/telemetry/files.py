"""Finding and scanning telemetry files: Parquet or CSV, one or a folder of them. What a column means is not here."""

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cloud_optimizer.core.errors import InputError

PARQUET_SUFFIXES = (".parquet", ".pq")
CSV_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class TraceFile:
    """One file of a trace.

    Args:
        path: Where it is.
        label: How messages name it.
        workload: The workload all its rows belong to, where its place in a folder says so.
    """

    path: Path
    label: str
    workload: str | None = None

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet by its name."""
        return self.path.name.lower().endswith(PARQUET_SUFFIXES)

    @property
    def stem(self) -> str:
        """File name without its endings."""
        return self.path.name.split(".")[0] or self.path.name


def find_files(path: Path) -> tuple[TraceFile, ...]:
    """Return the file at `path`, or every telemetry file below a folder, by name.

    Raises:
        InputError: There is nothing, or nothing that could be read.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: give a Parquet or CSV file, or a folder of them.")
    if path.is_file():
        if not _is_telemetry(path):
            raise InputError(f"{path.name} is neither Parquet nor CSV by its name ({', '.join(_suffixes())}).")
        return (TraceFile(path, path.name),)
    found = sorted(entry for entry in path.rglob("*") if entry.is_file() and _is_telemetry(entry))
    if not found:
        raise InputError(f"The folder {path} holds no telemetry file ({', '.join(_suffixes())}).")
    return tuple(TraceFile(entry, f"{path.name}/{entry.relative_to(path)}") for entry in found)


def scan_file(file: TraceFile) -> pl.LazyFrame:
    """Return a file as a lazy frame: Parquet with its types, CSV with every column as text.

    Text keeps what stands in the file, so that a wrong value can be shown with its row.

    Raises:
        InputError: The file is empty or is not what its name says.
    """
    with reading(file):
        if file.path.stat().st_size == 0:
            raise InputError(f"{file.label} is empty.")
        if file.is_parquet:
            frame = pl.scan_parquet(file.path, glob=False)
        else:
            frame = pl.scan_csv(file.path, separator=_separator(file), infer_schema=False, glob=False)
        frame.collect_schema()
    return frame


@contextmanager
def reading(file: TraceFile) -> Iterator[None]:
    """Turn what Polars and the system say about an unreadable file into one sentence that names it.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        kind = "Parquet" if file.is_parquet else "CSV"
        raise InputError(f"{file.label} cannot be read as {kind}: {_cause(file, error)}.") from error


def _cause(file: TraceFile, error: Exception) -> str:
    if not file.is_parquet and not isinstance(error, OSError):
        ragged = _first_ragged_row(file)
        if ragged is not None:
            row, fields, expected = ragged
            return f"row {row} has {fields} fields, the header has {expected}"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def _first_ragged_row(file: TraceFile) -> tuple[int, int, int] | None:
    with _text(file) as lines:
        rows = csv.reader(lines, delimiter=_separator(file))
        expected = len(next(rows, []))
        for row, fields in enumerate(rows, start=1):
            if len(fields) > expected:
                return row, len(fields), expected
    return None


def _separator(file: TraceFile) -> str:
    with _text(file) as lines:
        header = next(lines, "")
    return max(SEPARATORS, key=header.count)


@contextmanager
def _text(file: TraceFile) -> Iterator[Iterator[str]]:
    opener = gzip.open if file.path.name.lower().endswith(".gz") else Path.open
    with opener(file.path, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
        yield iter(lines)


def _is_telemetry(path: Path) -> bool:
    return path.name.lower().endswith(_suffixes())


def _suffixes() -> tuple[str, ...]:
    return (*PARQUET_SUFFIXES, *CSV_SUFFIXES)
