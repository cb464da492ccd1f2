"""SQL is never put together from strings: values travel as parameters, names and literals through psycopg.sql."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("cloud_optimizer", "cloud_optimizer_tests", "benchmarks")
STATEMENT = re.compile(
    r"\b(SELECT\s.*?\bFROM\b|SELECT\s+\w+\(|INSERT\s+INTO\b|UPDATE\s+.*?\bSET\b|DELETE\s+FROM\b|TRUNCATE\s"
    r"|(CREATE|DROP|ALTER)\s+(UNLOGGED\s+|TEMPORARY\s+|UNIQUE\s+)*(TABLE|INDEX|DATABASE|SCHEMA|VIEW|ROLE)\b"
    r"|COPY\s+\S+\s+(FROM|TO)\b|(WHERE|AND)\s+\S+\s*(=|<|>|IN\b|LIKE\b))",
    re.DOTALL,
)
THIS = Path(__file__).name


def is_sql(node: ast.AST) -> bool:
    """Tell whether a node is a text, or a text with gaps, that reads like SQL."""
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "gap" for part in node.values]
        return STATEMENT.search("".join(map(str, parts))) is not None
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.search(node.value) is not None


def is_built(node: ast.AST) -> bool:
    """Tell whether a node formats, interpolates or joins SQL."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values) and is_sql(node)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mod | ast.Add) and (is_sql(node.left) or is_sql(node.right))
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr in {"format", "replace", "join"} and is_sql(node.func.value)


def offences(source: str) -> list[int]:
    """Return the lines where SQL is built from strings."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if is_built(node)]  # type: ignore[attr-defined]


def test_no_file_builds_sql_from_strings() -> None:
    paths = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py") if path.name != THIS]
    assert len(paths) > 50
    found = [f"{path.relative_to(REPOSITORY)}:{line}" for path in paths for line in offences(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'f"SELECT * FROM {table}"',
        'f"""\nDELETE FROM loads\nWHERE cluster = \'{cluster}\'"""',
        "\"SELECT x FROM y WHERE z = '%s'\" % value",
        '"INSERT INTO y VALUES (" + value + ")"',
        '"DROP TABLE {}".format(name)',
        'f"CREATE DATABASE {name}"',
        "where += f\" AND cluster = '{cluster}'\"",
    ],
)
def test_the_scan_finds(source: str) -> None:
    assert offences(source) != []


@pytest.mark.parametrize(
    "source",
    [
        'sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))',
        'connection.execute("SELECT x FROM y WHERE z = %s", (value,))',
        'f"The file {path} was selected from the folder."',
        'f"{count} rows where expected"',
    ],
)
def test_the_scan_lets_pass(source: str) -> None:
    assert offences(source) == []
