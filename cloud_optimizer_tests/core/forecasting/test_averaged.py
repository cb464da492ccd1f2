"""The mean of several learners."""

import numpy as np

from cloud_optimizer.core.forecasting.averaged import AveragedQuantiles
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.examples import build_examples, training_origins

from .conftest import make_panel


def test_quantiles_are_the_mean_of_the_learners() -> None:
    panel, settings = make_panel(3, 30), ForecastSettings(targets=("cpu_mean",))
    examples = build_examples(panel, "cpu_mean", training_origins(panel, settings), settings)
    members = [kind.fit(examples, settings, {}).predict(examples.design) for kind in AveragedQuantiles.kinds.values()]
    expected = np.mean([np.sort(member, axis=-1) for member in members], axis=0)
    blended = AveragedQuantiles.fit(examples, settings, {}).predict(examples.design)
    np.testing.assert_allclose(blended, expected, rtol=1e-5, atol=1e-6)
