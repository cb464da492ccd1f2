"""The wheel: what is installed without a checkout finds its SQL and the configurations of Dagster and Feast."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
FIND = """
import sys
from pathlib import Path
import cloud_optimizer
from cloud_optimizer.resources.postgres.sql_files import SQL_FOLDER
from cloud_optimizer.cli.serve import dagster_home
from cloud_optimizer.resources.warehouse import query_names
from cloud_optimizer.settings import load_settings
assert Path(cloud_optimizer.__file__).is_relative_to(sys.argv[1]), cloud_optimizer.__file__
assert SQL_FOLDER.is_relative_to(sys.argv[1])
assert (dagster_home(load_settings()) / "dagster.yaml").is_file()
print(len(list((SQL_FOLDER / "migrations").glob("*.sql"))), len(query_names()))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which a wheel of this checkout was unpacked."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "LICENSE", "dagster.yaml", "workspace.yaml"):
        shutil.copy(REPOSITORY / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("cloud_optimizer", "sql"):
        shutil.copytree(REPOSITORY / name, source / name, symlinks=True, ignore=ignored)
    command = [sys.executable, "-c", BUILD, str(target)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_every_file_of_the_package_is_in_the_wheel_and_no_test_is(installed: Path) -> None:
    package = REPOSITORY / "cloud_optimizer"
    sql = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "sql").rglob("*.sql")}
    wanted = {Path("cloud_optimizer") / path for path in sql}
    wanted |= {path.relative_to(REPOSITORY) for suffix in ("py", "yaml") for path in package.rglob(f"*.{suffix}")}
    there = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    assert wanted <= there
    assert {path.parts[0] for path in there if path.suffix == ".py"} == {"cloud_optimizer"}


def test_queries_migrations_and_configurations_are_found_where_the_wheel_is_installed(
    installed: Path, tmp_path: Path
) -> None:
    environment = {"PYTHONPATH": str(installed), "CLOUD_OPTIMIZER_HOME": str(tmp_path)}
    command = [sys.executable, "-c", FIND, str(installed)]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    migrations, queries = (len(list((REPOSITORY / "sql" / part).glob("*.sql"))) for part in ("migrations", "queries"))
    assert run.stdout.split() == [str(migrations), str(queries)], run.stderr
