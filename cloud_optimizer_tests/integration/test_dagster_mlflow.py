"""dagster-mlflow's own resource, which users' jobs may use beside the platform, sees the platform's run."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from dagster import OpExecutionContext, job, op

from cloud_optimizer.resources.model_registry import ModelRegistry, RunKey
from cloud_optimizer.resources.postgres import EmbeddedPostgres

ASSET = "beside_dagster_mlflow"


@pytest.fixture
def registry(postgres_server: EmbeddedPostgres, tmp_path: Path) -> Iterator[ModelRegistry]:
    """Return a registry; MLflow's global run and store, which dagster-mlflow sets, are put back afterwards."""
    import mlflow

    before = mlflow.get_tracking_uri()
    yield ModelRegistry(postgres_server.uri("mlflow", "psycopg2"), tmp_path)
    mlflow.end_run()
    mlflow.set_tracking_uri(before)


@pytest.mark.filterwarnings("ignore")  # what dagster-mlflow warns of is beta is not ours to mend
def test_both_see_the_same_run(registry: ModelRegistry) -> None:
    from dagster_mlflow import mlflow_tracking

    @op(required_resource_keys={"mlflow"})
    def log(context: OpExecutionContext) -> None:
        context.resources.mlflow.log_metric("logged_by_the_user", 7.0)

    tracking = {"experiment_name": ASSET, "mlflow_tracking_uri": registry.tracking_uri}

    @job(resource_defs={"mlflow": mlflow_tracking.configured(tracking)})
    def users_job() -> None:
        log()

    dagster_run_id = str(uuid4())
    run_id = registry.open_run(RunKey(ASSET, "c1", date(2024, 1, 1), dagster_run_id))
    assert users_job.execute_in_process(run_id=dagster_run_id).success
    assert registry.client.get_run(run_id).data.metrics == {"logged_by_the_user": 7.0}
    assert len(registry.client.search_runs([registry.experiment_id(ASSET)])) == 1
