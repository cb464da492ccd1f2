"""The link scale and its inverse."""

import numpy as np

from cloud_optimizer.core.forecasting.link import from_link, to_link


def test_link_and_its_inverse_agree() -> None:
    demand = np.array([0, 0.01, 1, 250], dtype=np.float32)
    scale = np.float32(2.5)
    np.testing.assert_allclose(from_link(to_link(demand, scale), scale), demand, rtol=1e-5, atol=1e-6)


def test_demand_is_never_negative() -> None:
    assert from_link(np.float32(-0.3), np.float32(2)) == 0
