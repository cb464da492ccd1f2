"""A search that any number of processes work on at once and that survives the death of any of them.

Which trial comes next is decided under a lock of the study in PostgreSQL, from what its storage holds: a trial that
its worker lost is run again with the same parameters, and a new one is made only while there are fewer distinct
parameters than were asked for. Optuna alone counts trials per process and would exceed the number.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from cloud_optimizer.core.forecasting.search_space import Span
from cloud_optimizer.core.tuning.objective import RelativeLoss
from cloud_optimizer.core.tuning.settings import TuningSettings
from cloud_optimizer.resources.postgres.connection import connect
from cloud_optimizer.resources.tuning.heartbeat import beating, record_heartbeat
from cloud_optimizer.resources.tuning.sampling import DistinctSampler, distributions, parameter_key
from cloud_optimizer.resources.tuning.storage import open_storage, pinned_experiments

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('study ' || %s, 0))"
CLAIMED: Final = "claimed_as"  # number of the trial, set once its first heartbeat is there
ERROR: Final = "error"  # what the objective raised; a failed trial without it lost its worker
POLL_SECONDS: Final = 1.0

Trial = FrozenTrial
Clock = Callable[[], float]


@dataclass(frozen=True)
class Best:
    """The trial with the lowest loss of those that were scored on every window."""

    number: int
    parameters: Mapping[str, float]
    loss: float
    finished: int


class HyperparameterSearch:
    """One study; leaving its block closes the connections.

    Args:
        url: The warehouse, for libpq: holds the lock.
        storage_url: The same database for SQLAlchemy with psycopg 3: Optuna's tables lie in its schema `tuning`.
        name: Name of the study; whoever gives the same name works on the same one.
        space: What is searched.
        settings: How many trials, and when a worker counts as lost.
    """

    def __init__(
        self, url: str, storage_url: str, name: str, space: Mapping[str, Span], settings: TuningSettings
    ) -> None:
        self.name = name
        self._url = url
        self._storage_url = storage_url
        self._space = distributions(space)
        self._settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "study" in self.__dict__:
            self._storage.remove_session()
            self._storage.engine.dispose()

    @cached_property
    def _storage(self) -> Any:
        return open_storage(self._storage_url, self._settings.heartbeat_seconds, self._settings.grace_seconds)

    @cached_property
    def study(self) -> optuna.Study:
        """The study, made on first use."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        settings = self._settings
        with self._locked():
            return optuna.create_study(
                storage=self._storage,
                sampler=DistinctSampler(self._space, settings.startup_trials, settings.seed),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=settings.startup_trials),
                study_name=self.name,
                load_if_exists=True,
            )

    @property
    def trials(self) -> Sequence[Trial]:
        """All trials as they stand, those that lost their worker included."""
        return self.study.get_trials(deepcopy=False)

    def best(self) -> Best | None:
        """Return the best trial so far; None where none was scored on every window."""
        complete = [trial for trial in self.trials if trial.state == TrialState.COMPLETE]
        if not complete:
            return None
        loss, number, parameters = min((trial.values[0], trial.number, trial.params) for trial in complete)
        return Best(number, parameters, loss, sum(_is_settled(trial) for trial in self.trials))

    def work(
        self,
        objective: RelativeLoss,
        seconds: float,
        after_trial: Callable[[Sequence[Trial]], None] = lambda _: None,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Run trials until all are finished, here or elsewhere, or the time is over.

        A worker that has nothing left to begin waits for the others: it runs the trial of one that dies.

        Args:
            objective: What to minimise.
            seconds: No trial begins after that.
            after_trial: Is handed all trials after each one of this process.
            clock: Seconds of a steady clock.
            sleep: How to wait.
        """
        deadline = clock() + seconds
        while clock() < deadline:
            trial = self._claim()
            if trial is not None:
                with beating(self.study, trial, self._settings.heartbeat_seconds):
                    self._run(trial, objective)
                after_trial(self.trials)
            elif any(other.state == TrialState.RUNNING for other in self.trials):
                sleep(POLL_SECONDS)
            else:
                return

    def _claim(self) -> optuna.Trial | None:
        """Return the next trial for this process; None while there is none."""
        study = self.study  # opened before the lock is taken: opening takes it too
        with self._locked():
            self._fail_lost()
            trials = self.trials
            if not any(trial.state == TrialState.WAITING for trial in trials):
                again = lost_parameters(trials, self._settings.attempts)
                if again is not None:
                    study.enqueue_trial(dict(again))
                elif len({parameter_key(trial) for trial in trials} - {()}) >= self._settings.trials:
                    return None
            trial = _asked(study, self._space)
            record_heartbeat(study, trial)
            trial.set_user_attr(CLAIMED, trial.number)
        return trial

    def _fail_lost(self) -> None:
        """Fail the trials of workers that are silent, or died while they claimed one: nobody else claims now."""
        with pinned_experiments():
            optuna.storages.fail_stale_trials(self.study)
        for trial in self.trials:
            if trial.state == TrialState.RUNNING and trial.user_attrs.get(CLAIMED) != trial.number:
                self.study.tell(trial.number, state=TrialState.FAIL)

    def _run(self, trial: optuna.Trial, objective: RelativeLoss) -> None:
        try:
            self._score(trial, objective)
        except SQLAlchemyError:
            raise  # the storage is away: the trial counts as lost and is run again
        except UpdateFinishedTrialError:
            return  # this worker was silent for too long: another one was given the parameters
        except Exception as error:  # noqa: BLE001 - whatever a family raises, other parameters may do
            with suppress(UpdateFinishedTrialError):
                trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}"[:1000])
            self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)

    def _score(self, trial: optuna.Trial, objective: RelativeLoss) -> None:
        loss = math.nan
        for window, loss in enumerate(objective(trial.params)):
            trial.report(loss, window)
            if trial.should_prune():
                self.study.tell(trial, state=TrialState.PRUNED)
                return
        if not math.isfinite(loss):
            raise ValueError(f"the loss is {loss}")
        self.study.tell(trial, loss)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the study's lock; PostgreSQL releases it when its holder dies."""
        with connect(self._url) as connection:
            connection.execute(LOCK, (self.name,))
            yield


def lost_parameters(trials: Sequence[Trial], attempts: int) -> Mapping[str, float] | None:
    """Return parameters whose every trial lost its worker, fewer than `attempts` times; None where there are none."""
    lost = [trial for trial in trials if trial.state == TrialState.FAIL and ERROR not in trial.user_attrs]
    taken = {parameter_key(trial) for trial in trials if trial not in lost}
    tries = Counter(parameter_key(trial) for trial in lost)
    open_keys = [key for key, count in tries.items() if key and key not in taken and count < attempts]
    return dict(open_keys[0]) if open_keys else None


def _is_settled(trial: Trial) -> bool:
    return trial.state in {TrialState.COMPLETE, TrialState.PRUNED} or ERROR in trial.user_attrs


def _asked(study: optuna.Study, space: Mapping[str, Any]) -> optuna.Trial:
    with pinned_experiments():  # it warns that heartbeats are the caller's: they are ours, see `beating`
        return study.ask(fixed_distributions=dict(space))
