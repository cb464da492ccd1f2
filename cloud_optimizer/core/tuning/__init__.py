"""Which hyper-parameters a family should use: what a search minimises, and whether its result may be used.

How parameters are proposed and where trials are kept is the business of resources.tuning.
"""

from cloud_optimizer.core.tuning.decision import TuningVerdict, tuning_verdict
from cloud_optimizer.core.tuning.objective import Objective, RelativeLoss
from cloud_optimizer.core.tuning.settings import TuningSettings
from cloud_optimizer.core.tuning.windows import TuningWindows, tuning_windows

__all__ = [
    "Objective",
    "RelativeLoss",
    "TuningSettings",
    "TuningVerdict",
    "TuningWindows",
    "tuning_verdict",
    "tuning_windows",
]
