"""Proposals of Optuna's TPE sampler, none of them twice."""

from collections.abc import Mapping
from typing import Any, Final

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.forecasting.search_space import Span

PROPOSALS: Final = 1000  # of which one must be new
FIXED: Final = "fixed_params"  # Optuna's attribute of a trial that waits with given parameters

ParameterKey = tuple[tuple[str, float], ...]


def distributions(space: Mapping[str, Span]) -> dict[str, BaseDistribution]:
    """Return a search space in Optuna's words."""
    return {name: _distribution(span) for name, span in space.items()}


def _distribution(span: Span) -> BaseDistribution:
    if span.whole:
        return IntDistribution(int(span.low), int(span.high), log=span.log)
    return FloatDistribution(span.low, span.high, log=span.log)


def parameter_key(trial: FrozenTrial) -> ParameterKey:
    """Return what makes trials equal; empty where the parameters were never completed."""
    return tuple(sorted({**trial.params, **trial.system_attrs.get(FIXED, {})}.items()))


class DistinctSampler(BaseSampler):
    """TPE that proposes again until a proposal is new; random ones at first, and where TPE repeats itself.

    The caller holds the study's lock, so that two processes cannot propose the same. The seed depends on the trial's
    number: one worker alone proposes the same trials every time.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], startup_trials: int, seed: int) -> None:
        self._space = dict(space)
        self._startup_trials = startup_trials
        self._seed = seed

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Return the whole space: all parameters are proposed together."""
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return parameters that no other trial of the study has.

        Raises:
            CloudOptimizerError: The space holds no more of them.
        """
        seed = self._seed + trial.number
        tpe = TPESampler(n_startup_trials=self._startup_trials, seed=seed)
        random = RandomSampler(seed=seed)
        others = {parameter_key(other) for other in study.get_trials(deepcopy=False) if other.number != trial.number}
        for attempt in range(PROPOSALS):
            proposed = tpe.sample_relative(study, trial, search_space) if attempt < PROPOSALS // 2 else {}
            if not proposed:
                proposed = {
                    name: random.sample_independent(study, trial, name, space) for name, space in search_space.items()
                }
            if tuple(sorted(proposed.items())) not in others:
                return proposed
        raise CloudOptimizerError(
            f"The search space of {study.study_name} holds no more than {len(others)} trials: ask for fewer."
        )

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        """Refuse a parameter outside the space: all of a trial are proposed at once."""
        raise ValueError(f"{param_name} of trial {trial.number} is not in the space of {study.study_name}")
