"""Validation: received samples become a clean regular grid, and every rejected row keeps its reason.

Pure functions on Polars frames. Reading and writing the warehouse, and wrapping checks for the orchestrator, live
elsewhere.
"""

from cloud_optimizer.core.validation.cadence import Cadence, detect_cadence
from cloud_optimizer.core.validation.checks import CheckResult, run_checks
from cloud_optimizer.core.validation.report import ValidationReport, daily_counts
from cloud_optimizer.core.validation.settings import ValidationSettings
from cloud_optimizer.core.validation.validator import Validated, validate

__all__ = [
    "Cadence",
    "CheckResult",
    "Validated",
    "ValidationReport",
    "ValidationSettings",
    "daily_counts",
    "detect_cadence",
    "run_checks",
    "validate",
]
