"""A client of MLflow that answers within seconds when the server is down, and reports nothing to anybody."""

import os
import urllib.error
import urllib.request
from typing import Any, Final

from cloud_optimizer.core.errors import ServiceUnavailable

OFF_SWITCHES: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}

SERVED: Final = ("http://", "https://")
CONNECT_SECONDS: Final = 5


class MlflowUnavailable(ServiceUnavailable):
    """The tracking store does not answer."""


def connect(tracking_uri: str) -> Any:
    """Return an MlflowClient.

    The store is asked first whether it answers: MLflow itself retries for minutes before it gives up.

    Raises:
        MlflowUnavailable: It does not answer, or it is a kind that MLflow refuses.
    """
    for name, value in OFF_SWITCHES.items():
        os.environ.setdefault(name, value)
    if tracking_uri.startswith(SERVED):
        _ask_server(tracking_uri)
    else:
        _ask_database(tracking_uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def _ask_server(tracking_uri: str) -> None:
    address = tracking_uri.rstrip("/") + "/health"
    try:
        with urllib.request.urlopen(address, timeout=CONNECT_SECONDS):  # the scheme was checked by the caller
            return
    except urllib.error.HTTPError:
        return  # something answers; MLflow's own call tells what is wrong with it
    except OSError as error:
        raise MlflowUnavailable(
            f"The MLflow server {tracking_uri} does not answer ({error}): start it, or correct "
            "CLOUD_OPTIMIZER_MLFLOW_TRACKING_URI."
        ) from error


def _ask_database(tracking_uri: str) -> None:
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(tracking_uri)
        arguments = {"connect_timeout": CONNECT_SECONDS} if url.get_backend_name() == "postgresql" else {}
        engine = sqlalchemy.create_engine(url, connect_args=arguments, poolclass=sqlalchemy.pool.NullPool)
        engine.connect().close()
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise MlflowUnavailable(
            f"The MLflow database {_without_password(tracking_uri)} cannot be used ({reason}): start the server with "
            "`cloud-optimizer run`, or correct CLOUD_OPTIMIZER_MLFLOW_TRACKING_URI."
        ) from error


def _without_password(tracking_uri: str) -> str:
    import sqlalchemy

    try:
        return sqlalchemy.make_url(tracking_uri).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return "given"
