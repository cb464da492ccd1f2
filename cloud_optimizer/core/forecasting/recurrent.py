"""Quantile regression by a recurrent network (LSTM or GRU), kept as safetensors.

Runs on a GPU where there is one; the weights are the same files either way.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.forecasting.link import to_link
from cloud_optimizer.core.forecasting.regressor import Parameters, shares
from cloud_optimizer.core.panel import FloatArray

if TYPE_CHECKING:
    import torch

    from cloud_optimizer.core.forecasting.recurrent_network import Batch, RecurrentQuantiles

VALIDATION_SHARE: Final = 0.15
"""Newest share of the origins that stops the training."""

RECENT: Final = "recent_demand"
"""Name of the sequence that the state is made of, where features are named."""


class RecurrentRegressor:
    """One network per target; subclasses choose the cell."""

    cell: ClassVar[str]

    def __init__(
        self,
        network: "RecurrentQuantiles",
        curve: tuple[float, ...] = (),
        importance: Mapping[str, float] | None = None,
    ) -> None:
        self._network = network
        self._curve = curve
        self._importance = importance or {}

    @property
    def curve(self) -> tuple[float, ...]:
        """Validation loss before training and after every epoch."""
        return self._curve

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "RecurrentRegressor":
        """Train with early stopping on the newest origins, see `QuantileRegressor`."""
        import torch

        from cloud_optimizer.core.forecasting.recurrent_network import (
            HIDDEN,
            LEARNING_RATE,
            RecurrentQuantiles,
            permutation_importance,
            train,
        )

        with _torch_threads(settings.threads), torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            hidden = int(parameters.get("hidden", HIDDEN))
            network = RecurrentQuantiles(cls.cell, len(examples.design.names), hidden, LEARNED_LEVELS)
            features = squashed(examples.design.features)
            network.location = torch.from_numpy(features.mean(axis=(0, 1, 2)))
            network.scale = torch.from_numpy(features.std(axis=(0, 1, 2)) + 1e-3)
            network.to(_device())
            origins = np.arange(examples.residual.shape[1])
            held_out = max(round(VALIDATION_SHARE * len(origins)), 1)
            training, validation = (_batch(examples.at(part)) for part in np.split(origins, [-held_out]))
            rate = parameters.get("learning_rate", LEARNING_RATE)
            learned = training if len(training.weight) else validation
            curve = train(network, learned, validation, rate, settings.seed)
            recent, rises = permutation_importance(network, validation, settings.seed)
        named = {RECENT: recent, **dict(zip(examples.design.names, rises, strict=True))}
        return cls(network, tuple(curve), shares(named))

    def predict(self, design: Design) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [n, k, H, learned]."""
        from cloud_optimizer.core.forecasting.recurrent_network import predict

        quantiles = predict(self._network, *_inputs(design))
        return quantiles.cpu().numpy().reshape(*design.base.shape, -1)

    def importance(self) -> dict[str, float]:
        """Return the share of each feature in what the validation loss rises by when they are permuted, one by one.

        Empty for a loaded model.
        """
        return dict(self._importance)

    def save(self, folder: Path, stem: str) -> None:
        """Write one safetensors file."""
        from safetensors.torch import save_file

        state = {name: value.cpu().contiguous() for name, value in self._network.state_dict().items()}
        save_file(state, folder / f"{stem}.safetensors", metadata={"cell": self.cell})

    @classmethod
    def load(cls, folder: Path, stem: str) -> "RecurrentRegressor":
        """Read what `save` wrote."""
        from safetensors.torch import load_file

        from cloud_optimizer.core.forecasting.recurrent_network import RecurrentQuantiles

        state = load_file(folder / f"{stem}.safetensors")
        hidden = state["output.weight"].shape[1] // 2
        network = RecurrentQuantiles(cls.cell, len(state["location"]), hidden, LEARNED_LEVELS)
        network.load_state_dict(state)
        return cls(network.to(_device()))


class LSTMRegressor(RecurrentRegressor):
    """A long short-term memory network (Hochreiter, Schmidhuber 1997)."""

    cell = "lstm"


class GRURegressor(RecurrentRegressor):
    """A gated recurrent unit network (Cho and others 2014)."""

    cell = "gru"


def squashed(values: FloatArray) -> FloatArray:
    """Return sign(x) log(1 + |x|) with 0 for unknown: residual units have heavy tails."""
    known = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    return np.asarray(np.sign(known) * np.log1p(np.abs(known)), dtype=np.float32)


def sequences(design: Design) -> FloatArray:
    """Return the last horizon before each origin, shape [n, k, H, CHANNELS], oldest first."""
    length = min(design.base.shape[-1], design.history.shape[-1])
    linked = to_link(design.history[..., -length:], design.scale[..., None])
    level, spread = (part.mean(axis=-1, keepdims=True) for part in (design.base, design.spread))
    hour = design.features[..., 0, design.names.index("hour")]
    angle = (hour[..., None] + design.hours * np.arange(-length, 0)) * (2 * np.pi / 24)
    channels = (squashed((linked - level) / spread), ~np.isnan(linked), np.sin(angle), np.cos(angle))
    return np.stack(channels, axis=-1).astype(np.float32)


def _inputs(design: Design) -> tuple["torch.Tensor", "torch.Tensor"]:
    import torch

    sequence, features = sequences(design), squashed(design.features)
    pairs = sequence.shape[0] * sequence.shape[1]
    return (
        torch.from_numpy(sequence.reshape(pairs, *sequence.shape[2:])).to(_device()),
        torch.from_numpy(features.reshape(pairs, *features.shape[2:])).to(_device()),
    )


def _batch(examples: Examples) -> "Batch":
    import torch

    from cloud_optimizer.core.forecasting.recurrent_network import Batch

    residual = torch.from_numpy(examples.residual.reshape(-1, examples.residual.shape[-1])).to(_device())
    weight = torch.from_numpy(examples.weight.reshape(-1)).to(_device())
    return Batch(*_inputs(examples.design), residual, weight)


def _device() -> "torch.device":
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
