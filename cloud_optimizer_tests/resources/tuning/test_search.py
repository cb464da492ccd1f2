"""Searches on a real PostgreSQL, by real processes, some of which are killed."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import psycopg
import pytest
from optuna.trial import TrialState

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.forecasting.search_space import Span
from cloud_optimizer.resources.tuning.sampling import parameter_key
from cloud_optimizer.resources.tuning.search import ERROR, HyperparameterSearch, Trial
from cloud_optimizer_tests.resources.tuning import searching
from cloud_optimizer_tests.resources.tuning.searching import SPACE, cheap, settings

FINISHED = {TrialState.COMPLETE, TrialState.PRUNED}
NAME = "web/lightgbm/2026-03-31"

Searching = Callable[..., HyperparameterSearch]


def for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def search(warehouse_url: str) -> Iterator[Searching]:
    """Return a maker of searches on a fresh database; each is like one of another process."""
    opened = ExitStack()

    def make(trials: int = 100, name: str = NAME, space: Mapping[str, Span] = SPACE) -> HyperparameterSearch:
        made = HyperparameterSearch(warehouse_url, for_sqlalchemy(warehouse_url), name, space, settings(trials))
        return opened.enter_context(made)

    with opened:
        yield make


def worker(url: str, trials: int, *rest: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", searching.__name__, url, for_sqlalchemy(url), NAME, str(trials), *rest]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> int:
    with process:
        _, words = process.communicate(timeout=120)
    assert not words.strip(), words
    return process.returncode


def finished(search: HyperparameterSearch) -> list[Trial]:
    return [trial for trial in search.trials if trial.state in FINISHED]


def test_a_hundred_trials_asked_for_by_several_processes_one_of_them_killed_are_a_hundred_distinct_ones(
    warehouse_url: str, search: Searching
) -> None:
    processes = [worker(warehouse_url, 100, "die-at", "20")]
    while not search().trials:  # so that the others cannot be done before it dies
        time.sleep(0.05)
    processes += [worker(warehouse_url, 100) for _ in range(2)]
    assert [ended(process) for process in processes] == [-9, 0, 0]
    done = finished(search())
    assert len(done) == 100
    assert len({parameter_key(trial) for trial in done}) == 100
    (lost,) = [trial for trial in search().trials if trial.state == TrialState.FAIL]
    (again,) = [trial for trial in done if parameter_key(trial) == parameter_key(lost)]
    assert again.number > lost.number
    assert len(search().trials) == 101
    rates = [trial.params["rate"] for trial in done]
    assert min(rates) >= 0.01
    assert search().best().loss < 0.001


def test_a_search_goes_on_where_all_of_its_workers_were_killed(warehouse_url: str, search: Searching) -> None:
    assert ended(worker(warehouse_url, 12, "die-at", "8")) == -9
    before = [trial.number for trial in finished(search(12))]
    assert len(before) == 7
    search(12).work(cheap, seconds=60)
    done = finished(search(12))
    assert len(done) == len({parameter_key(trial) for trial in done}) == 12
    assert [trial.number for trial in done][:7] == before


def test_asking_again_for_what_is_there_runs_nothing_and_asking_for_more_adds_the_difference(
    search: Searching,
) -> None:
    search(6).work(cheap, seconds=60)
    search(6).work(_never, seconds=60)
    assert len(search().trials) == 6
    search(8).work(cheap, seconds=60)
    assert len(finished(search())) == 8


def test_a_worker_killed_while_it_claimed_a_trial_leaves_nothing_behind(search: Searching) -> None:
    study = search(5).study
    study._storage.create_new_trial(study._study_id)  # and nothing more: no parameters, no heartbeat
    search(5).work(cheap, seconds=60)
    assert len(finished(search())) == 5
    assert search().trials[0].state == TrialState.FAIL


def test_parameters_that_lose_every_worker_are_given_up(search: Searching) -> None:
    first = search(2)
    for _ in range(settings(2).attempts):
        trial = first._claim()
        assert trial is not None
        first.study.tell(trial, state=TrialState.FAIL)  # as its heartbeat's end does
    search(2).work(cheap, seconds=60)
    assert [trial.state for trial in search().trials] == [TrialState.FAIL] * 3 + [TrialState.COMPLETE]
    assert len({parameter_key(trial) for trial in search().trials}) == 2


def test_a_worker_that_was_taken_for_dead_drops_its_trial_and_goes_on(search: Searching) -> None:
    slow, others = search(6), search(6)
    stolen: list[int] = []

    def interrupted(parameters: Mapping[str, float]) -> Iterator[float]:
        if not stolen:
            stolen.append(len(others.trials) - 1)
            others.study.tell(stolen[0], state=TrialState.FAIL)
        yield from cheap(parameters)

    slow.work(interrupted, seconds=60)
    done = finished(search())
    assert len(done) == len({parameter_key(trial) for trial in done}) == 6
    assert search().trials[stolen[0]].state == TrialState.FAIL


def test_a_trial_that_raises_is_failed_with_its_words_and_not_run_again(search: Searching) -> None:
    def picky(parameters: Mapping[str, float]) -> Iterator[float]:
        if parameters["leaves"] > 20:
            raise ValueError("too many leaves")
        yield from cheap(parameters)

    search(12).work(picky, seconds=60)
    trials = search().trials
    assert len(trials) == len({parameter_key(trial) for trial in trials}) == 12
    failed = [trial for trial in trials if trial.params["leaves"] > 20]
    assert failed
    assert all(trial.user_attrs[ERROR] == "ValueError: too many leaves" for trial in failed)
    assert all(trial.state in FINISHED for trial in trials if trial not in failed)


def test_a_search_survives_the_loss_of_its_connections(warehouse_url: str, search: Searching) -> None:
    def cut_off(parameters: Mapping[str, float]) -> Iterator[float]:
        with psycopg.connect(warehouse_url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        yield from cheap(parameters)

    search(5).work(cut_off, seconds=60)
    assert [trial.state in FINISHED for trial in search().trials] == [True] * 5


def test_no_trial_begins_after_the_time_box(search: Searching) -> None:
    seconds = iter(range(1000))
    search().work(cheap, seconds=4, clock=lambda: float(next(seconds)))
    assert len(search().trials) == 3  # the clock reads 0 to start with, then 1, 2, 3


def test_hopeless_trials_are_pruned_after_a_window_and_do_not_become_best(search: Searching) -> None:
    search(60).work(cheap, seconds=60)
    pruned = [trial for trial in search().trials if trial.state == TrialState.PRUNED]
    assert pruned
    assert all(list(trial.intermediate_values) == [0] for trial in pruned)
    best = search().best()
    assert best.number not in {trial.number for trial in pruned}
    assert best.loss == min(trial.value for trial in search().trials if trial.state == TrialState.COMPLETE)
    assert best.finished == 60


def test_one_worker_proposes_the_same_trials_every_time(search: Searching) -> None:
    for name in ("first", "second"):
        search(25, name).work(cheap, seconds=60)
    assert [t.params for t in search(25, "first").trials] == [t.params for t in search(25, "second").trials]


def test_a_space_with_too_few_trials_is_named(search: Searching) -> None:
    tiny = {"leaves": Span(2, 4, whole=True)}

    def constant(_: Mapping[str, float]) -> Iterator[float]:
        yield 1.0

    with pytest.raises(CloudOptimizerError, match="holds no more than 3 trials: ask for fewer"):
        search(5, space=tiny).work(constant, seconds=60)


def test_optuna_keeps_its_tables_in_a_schema_of_its_own(warehouse_url: str, search: Searching) -> None:
    assert search().best() is None
    with psycopg.connect(warehouse_url) as connection:
        schemas = connection.execute("SELECT schemaname FROM pg_tables WHERE tablename IN ('studies', 'trials')")
        assert {row[0] for row in schemas} == {"tuning"}


def _never(_: Mapping[str, float]) -> Iterator[float]:
    raise AssertionError("a trial was begun")
