"""The test suite. It sees neither the state of the checkout it runs in nor anybody's settings of the application."""

import os
import tempfile
from pathlib import Path

# before the first import of the application: partitions and settings are read at import
for name in [name for name in os.environ if name.startswith("CLOUD_OPTIMIZER_")]:
    if not name.startswith("CLOUD_OPTIMIZER_TEST_"):
        del os.environ[name]
os.environ["CLOUD_OPTIMIZER_HOME"] = str(Path(tempfile.gettempdir()) / f"co-nobody-{os.getpid()}")
