"""Numbers as a person reads them."""

import io

import polars as pl
import pytest
from rich.console import Console

from cloud_optimizer.cli.tables import PIPE_WIDTH, cell, heading, make_console, show


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("recommended_memory_bytes", 3 * 2**30, "3.00"),
        ("recommended_memory_bytes", 3.5 * 2**30, "3.50"),
        ("monthly_saving", 1234.5, "1,234.50"),
        ("wape", 0.1234, "12.3%"),
        ("coverage_80", 1.0, "100.0%"),
        ("wape", 12.0, "12.0x"),
        ("violating_workload_days", 0.5, "50.0%"),
        ("payback_days", 0.5, "0.500"),
        ("duration_seconds", 0.5, "0.500"),
        ("recommended_cpu_cores", 0.25, "0.250"),
        ("samples", 1234567, "1,234,567"),
        ("promoted", True, "True"),
        ("owner", None, "-"),
        ("workload_id", "[red]vm", r"\[red]vm"),
    ],
)
def test_a_cell_has_the_unit_that_its_column_asks_for(name: str, value: object, text: str) -> None:
    assert cell(name, value) == text


def test_a_heading_is_in_words_with_the_unit_that_is_shown() -> None:
    assert heading("recommended_memory_bytes") == "recommended memory GiB"
    assert heading("current_cpu_cores") == "current CPU cores"


def shown(frame: pl.DataFrame) -> str:
    text = io.StringIO()
    show(Console(file=text, width=100), "Title", frame, "all is well")
    return text.getvalue()


def test_a_frame_is_a_table_under_its_title() -> None:
    text = shown(pl.DataFrame({"workload_id": ["vm-1"], "wape": [0.5]}))
    assert [word in text for word in ("Title", "workload id", "vm-1", "50.0%")] == [True] * 4


def test_an_empty_frame_is_a_sentence() -> None:
    assert shown(pl.DataFrame({"a": []})).strip() == "Title: all is well"


def test_names_in_front_are_not_broken_however_wide_the_figures_unless_they_are_long() -> None:
    wide = {f"measure_{number}": ["0.123 [0.111, 0.345]"] for number in range(9)}
    assert "kruize_performance" in shown(pl.DataFrame({"policy": ["kruize_performance"], **wide}))
    assert "x" * 60 not in shown(pl.DataFrame({"workload_id": ["x" * 60], **wide}))


def test_text_from_data_is_never_read_as_markup() -> None:
    assert "[bold]vm[/bold]" in shown(pl.DataFrame({"workload_id": ["[bold]vm[/bold]"]}))


def test_in_a_file_the_tables_are_wide_enough() -> None:
    assert make_console().width == PIPE_WIDTH
