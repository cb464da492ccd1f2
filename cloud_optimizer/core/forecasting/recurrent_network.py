"""The recurrent network and its training loop; imports torch, so only functions that need it import this module.

A GRU or LSTM reads the last horizon of demand; its state and the design's features of each forecast interval
give the quantiles through one hidden layer. Quantiles are a median and positive steps from it: they cannot cross.
"""

import copy
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

HIDDEN: Final = 32
CHANNELS: Final = 4  # demand, whether it is known, sine and cosine of the hour
EPOCHS: Final = 30
PATIENCE: Final = 2  # epochs without a better validation loss
BATCH: Final = 128
LEARNING_RATE: Final = 5e-3
PERMUTED: Final = 512


class Batch(NamedTuple):
    """Tensors of m (workload, origin) pairs.

    Args:
        sequence: Recent demand and clock, shape [m, S, CHANNELS].
        features: Features of the forecast intervals, standardised, shape [m, H, f].
        residual: What is learned, NaN where unknown, shape [m, H].
        weight: Shape [m].
    """

    sequence: Tensor
    features: Tensor
    residual: Tensor
    weight: Tensor

    def at(self, index: Tensor) -> "Batch":
        """Return some of the pairs."""
        return Batch(*(part[index.to(part.device)] for part in self))


class RecurrentQuantiles(nn.Module):
    """Quantiles of every forecast interval from a sequence and features.

    Args:
        cell: `lstm` or `gru`.
        features: Features of a forecast interval.
        hidden: Units of the recurrent state; the layer behind it has twice as many.
        levels: Quantile levels, ascending, the middle one 0.5.
    """

    def __init__(self, cell: str, features: int, hidden: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.recurrent = kind(CHANNELS, hidden, batch_first=True)
        self.hidden = nn.Linear(hidden + features, 2 * hidden)
        self.output = nn.Linear(2 * hidden, len(levels))
        self.register_buffer("levels", torch.tensor(levels))
        self.register_buffer("location", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, sequence: Tensor, features: Tensor) -> Tensor:
        """Return quantiles, shape [m, H, levels]."""
        return self.quantiles(self.state(sequence), features)

    def state(self, sequence: Tensor) -> Tensor:
        """Return what is remembered of a sequence, shape [m, hidden]."""
        states, _ = self.recurrent(sequence)
        last: Tensor = states[:, -1]
        return last

    def quantiles(self, state: Tensor, features: Tensor) -> Tensor:
        """Return quantiles given a state and features, shape [m, H, levels]."""
        state = state[:, None].expand(-1, features.shape[1], -1)
        standard = (features - self.get_buffer("location")) / self.get_buffer("scale")
        out = self.output(torch.relu(self.hidden(torch.cat([state, standard], dim=-1))))
        middle = out.shape[-1] // 2
        median, steps = out[..., middle : middle + 1], nn.functional.softplus(out)
        below = median - steps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        above = median + steps[..., middle + 1 :].cumsum(-1)
        return torch.cat([below, median, above], dim=-1)


def pinball(quantiles: Tensor, batch: Batch, levels: Tensor) -> Tensor:
    """Return the weighted mean pinball loss over known intervals and levels."""
    known = ~torch.isnan(batch.residual)
    error = torch.nan_to_num(batch.residual)[..., None] - quantiles
    loss = torch.maximum(levels * error, (levels - 1) * error).mean(-1)
    weight = batch.weight[:, None] * known
    return (loss * weight).sum() / weight.sum().clamp_min(1e-9)


def train(model: RecurrentQuantiles, training: Batch, validation: Batch, rate: float, seed: int) -> list[float]:
    """Fit in place with early stopping, keep the best epoch, and return the validation loss of every epoch."""
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-3)
    best, curve = copy.deepcopy(model.state_dict()), [_loss(model, validation)]
    for _ in range(EPOCHS):
        model.train()
        for index in torch.split(torch.randperm(len(training.weight), generator=order), BATCH):
            part = training.at(index)
            optimizer.zero_grad()
            loss = pinball(model(part.sequence, part.features), part, model.get_buffer("levels"))
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        curve.append(_loss(model, validation))
        if curve[-1] <= min(curve):
            best = copy.deepcopy(model.state_dict())
        elif len(curve) - 1 - curve.index(min(curve)) >= PATIENCE:
            break
    model.load_state_dict(best)
    return curve


@torch.no_grad()
def _loss(model: RecurrentQuantiles, batch: Batch) -> float:
    model.eval()
    return float(pinball(model(batch.sequence, batch.features), batch, model.get_buffer("levels")))


@torch.no_grad()
def predict(model: RecurrentQuantiles, sequence: Tensor, features: Tensor) -> Tensor:
    """Return quantiles, shape [m, H, levels]."""
    model.eval()
    quantiles: Tensor = model(sequence, features)
    return quantiles


@torch.no_grad()
def permutation_importance(model: RecurrentQuantiles, batch: Batch, seed: int) -> tuple[float, list[float]]:
    """Return by how much the loss rises when pairs trade their sequence, and each of their features (Breiman 2001).

    On PERMUTED pairs at most; what helps nothing has 0.
    """
    model.eval()
    order = torch.Generator().manual_seed(seed)
    part = batch.at(torch.randperm(len(batch.weight), generator=order)[:PERMUTED])
    traded = torch.randperm(len(part.weight), generator=order).to(part.weight.device)
    levels, state = model.get_buffer("levels"), model.state(part.sequence)
    base = float(pinball(model.quantiles(state, part.features), part, levels))
    sequence = float(pinball(model.quantiles(state[traded], part.features), part, levels))
    rises = []
    for column in range(part.features.shape[-1]):
        features = part.features.clone()
        features[..., column] = part.features[traded][..., column]
        rises.append(max(float(pinball(model.quantiles(state, features), part, levels)) - base, 0.0))
    return max(sequence - base, 0.0), rises
