"""May the best trial of a search replace the defaults?"""

from dataclasses import dataclass

from cloud_optimizer.core.forecasting.regressor import Parameters
from cloud_optimizer.core.tuning.settings import TuningSettings


@dataclass(frozen=True)
class TuningVerdict:
    """The decision for one family.

    Args:
        adopted: Trainings use the parameters from now on; otherwise the defaults.
        parameters: The best trial's, adopted or not.
        search_loss: Share of the defaults' loss on the windows of the search.
        confirmation_loss: The same on the later window that no trial saw; None where the search had already lost.
        reason: In words.
    """

    adopted: bool
    parameters: Parameters
    search_loss: float
    confirmation_loss: float | None
    reason: str


def tuning_verdict(
    parameters: Parameters, search_loss: float, confirmation_loss: float | None, settings: TuningSettings
) -> TuningVerdict:
    """Decide: the best of many trials wins its own search by luck, so days that no trial saw must confirm it.

    Args:
        parameters: Of the best trial.
        search_loss: Its loss on the windows of the search, as a share of the defaults' loss there.
        confirmation_loss: The same on the later window; None where it was not worth asking.
        settings: Holds the minimum gain.
    """
    searched = f"{_gain(search_loss)} on the windows of the search"
    if confirmation_loss is None:
        return TuningVerdict(False, parameters, search_loss, None, f"The defaults stay: the best trial {searched}.")
    enough = confirmation_loss <= 1 - settings.minimum_gain and search_loss < 1
    told = f"{searched} and {_gain(confirmation_loss)} on later days that no trial saw"
    asked = f"at least {settings.minimum_gain:.1%} must be saved there"
    reason = f"Adopted: the best trial {told}." if enough else f"The defaults stay: the best trial {told}; {asked}."
    return TuningVerdict(enough, parameters, search_loss, confirmation_loss, reason)


def _gain(loss: float) -> str:
    return f"saves {1 - loss:.1%} of the defaults' loss" if loss < 1 else f"loses {loss - 1:.1%} to the defaults"
