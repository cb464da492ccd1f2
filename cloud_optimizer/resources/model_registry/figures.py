"""Plots that are logged beside a model, drawn without a display."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from cloud_optimizer.core.evaluation.classification import Reliability

BARS: Final = 30


@runtime_checkable
class HasTrainingCurve(Protocol):
    """A fitted model that knows how its loss went."""

    def training_curve(self) -> Mapping[str, Sequence[float]]:
        """Return name of a curve (`cpu_mean train`, `cpu_mean validation`) to the loss by round or epoch."""
        ...


@runtime_checkable
class HasFeatureImportance(Protocol):
    """A fitted model that knows what it looked at."""

    def feature_importance(self) -> Mapping[str, float]:
        """Return feature to share of the total gain."""
        ...


@runtime_checkable
class HasReliability(Protocol):
    """A fitted classifier that was compared with what happened."""

    @property
    def diagrams(self) -> Mapping[str, Reliability]:
        """Target to its reliability."""
        ...


def training_curve_figure(curves: Mapping[str, Sequence[float]]) -> Any:
    """Loss by round or epoch, one line a curve."""
    figure, axes = _figure("Training curve")
    for name, losses in curves.items():
        axes.plot(range(1, len(losses) + 1), losses, label=name)
    axes.set(xlabel="round or epoch", ylabel="loss")
    axes.legend(fontsize="small")
    return figure


def feature_importance_figure(importance: Mapping[str, float]) -> Any:
    """The most important features as bars, the first on top."""
    top = sorted(importance.items(), key=lambda item: item[1])[-BARS:]
    figure, axes = _figure("Feature importance")
    axes.barh([name for name, _ in top], [value for _, value in top])
    axes.tick_params(axis="y", labelsize="x-small")
    axes.set(xlabel="share of the total gain")
    return figure


def reliability_figure(diagram: Reliability) -> Any:
    """Observed frequency by predicted probability, beside the diagonal a calibrated model lies on."""
    figure, axes = _figure("Reliability")
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.plot(diagram.predicted, diagram.observed, marker="o")
    axes.set(xlabel="predicted probability", ylabel="observed frequency", xlim=(0, 1), ylim=(0, 1))
    return figure


def _figure(title: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes
