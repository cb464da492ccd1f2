"""A real Prometheus on the loopback, filled from OpenMetrics text by promtool, for the tests of the source."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import httpx


def missing_program() -> str | None:
    """Return the name of a program that is not installed, None where both are."""
    return next((name for name in ("prometheus", "promtool") if shutil.which(name) is None), None)


class PrometheusServer:
    """One server with its own data folder and a free port; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._config = folder / "prometheus.yml"
        self._log = folder / "prometheus.log"
        self._config.write_text("global: {scrape_interval: 1m}\n")
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = int(found.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def load(self, open_metrics: Path) -> None:
        """Make blocks of OpenMetrics text; only while the server is stopped."""
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(open_metrics), str(self._data)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def start(self) -> None:
        options = (
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self._data}",
            "--storage.tsdb.retention.time=100y",  # the traces are of 2013
            f"--web.listen-address=127.0.0.1:{self.port}",
        )
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(["prometheus", *options], stdout=log, stderr=log)
        for _ in range(300):
            try:
                if httpx.get(f"{self.url}/-/ready", trust_env=False, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(self._log.read_text()[-2000:])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None
