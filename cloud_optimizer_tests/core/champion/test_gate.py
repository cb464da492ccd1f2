"""Who becomes champion, and why."""

import dataclasses

import numpy as np
import pytest

from cloud_optimizer.core.champion import ChampionSettings, ChampionVerdict, Contender, choose_champion
from cloud_optimizer.core.evaluation.metrics import Float64Array
from cloud_optimizer_tests.core.champion.simulation import Fleet

SETTINGS = ChampionSettings(resamples=300)
RNG = np.random.default_rng(5)
FLEET = Fleet(workloads=30, days=14)
DIFFICULTY = FLEET.difficulty(RNG)
HELD = FLEET.model(DIFFICULTY, 0.0, RNG)
EQUAL = FLEET.model(DIFFICULTY, 0.0, RNG)
BETTER = FLEET.model(DIFFICULTY, 0.2, RNG)
BEST = FLEET.model(DIFFICULTY, 0.3, RNG)
DEMAND = 4 * DIFFICULTY


def _decide(
    candidates: dict[str, Float64Array | None],
    held: Float64Array | None = HELD,
    costs: dict[str, float] | None = None,
    settings: ChampionSettings = SETTINGS,
) -> ChampionVerdict:
    """Candidates against the incumbent `held`, whose decisions cost 100 a cell."""
    costs = costs or {}
    contenders = [
        Contender(name, losses, np.full(DEMAND.shape, costs[name]) if name in costs else None, "out of memory")
        for name, losses in candidates.items()
    ]
    incumbent = None if held is None else Contender("held", held, np.full(DEMAND.shape, 100.0))
    return choose_champion("cpu", contenders, incumbent, Contender("naive", EQUAL), DEMAND, settings)


def test_a_clearly_better_candidate_replaces_the_incumbent_with_reasons() -> None:
    verdict = _decide({"new": BETTER}, costs={"new": 95.0})
    assert (verdict.promoted, verdict.champion, verdict.incumbent) == (True, "new", "held")
    assert verdict.reasons[0] == "new replaces held."
    assert "of the loss (at least 1.0%)" in verdict.reason
    assert "significant (p = 0.000 after Holm, alpha 0.05)" in verdict.reason
    assert "decisions cost -5.0% (at most +0.0%)" in verdict.reason
    assert verdict.score is not None
    assert verdict.score == pytest.approx(BETTER.sum() / DEMAND.sum())
    assert verdict.incumbent_score == pytest.approx(HELD.sum() / DEMAND.sum())


def test_an_equal_candidate_does_not() -> None:
    verdict = _decide({"new": EQUAL})
    assert (verdict.promoted, verdict.champion) == (False, "held")
    assert verdict.reasons[0] == "held stays champion: no candidate passed."
    assert verdict.score == verdict.incumbent_score


def test_a_better_forecast_that_makes_dearer_decisions_does_not() -> None:
    verdict = _decide({"new": BETTER}, costs={"new": 101.0})
    assert not verdict.promoted
    assert "decisions cost +1.0%" in verdict.reason


def test_an_unpriced_candidate_is_judged_by_its_losses_and_says_so() -> None:
    verdict = _decide({"new": BETTER})
    assert verdict.promoted
    assert "its decision cost is not known" in verdict.reason


def test_a_sure_but_tiny_gain_does_not() -> None:
    verdict = _decide({"new": HELD * 0.995})
    assert not verdict.promoted
    assert "saves only 0.5% of the loss (at least 1.0%)" in verdict.reason


def test_the_best_of_several_that_pass_wins() -> None:
    verdict = _decide({"equal": EQUAL, "better": BETTER, "best": BEST})
    assert verdict.champion == "best"
    assert [item.name for item in verdict.candidates] == ["best", "better", "equal"]


def test_the_best_score_that_does_not_pass_leaves_the_place_to_the_next() -> None:
    verdict = _decide({"better": BETTER, "best": BEST}, costs={"best": 150.0, "better": 90.0})
    assert verdict.champion == "better"


def test_more_candidates_make_the_test_stricter() -> None:
    alone = _decide({"new": BETTER}).candidates[0]
    among = next(i for i in _decide({"new": BETTER, "a": EQUAL, "b": EQUAL}).candidates if i.name == "new")
    assert alone.p_value == among.p_value
    assert alone.p_adjusted is not None
    assert among.p_adjusted == pytest.approx(3 * alone.p_adjusted)


def test_a_failed_candidate_is_reported_and_blocks_nobody() -> None:
    verdict = _decide({"broken": None, "new": BETTER})
    assert verdict.champion == "new"
    assert "broken: failed: out of memory." in verdict.reason
    alone = _decide({"new": BETTER}).candidates[0]
    assert verdict.candidates[0].p_adjusted == alone.p_adjusted


def test_a_candidate_that_leaves_forecasts_out_is_refused() -> None:
    partial = BEST.copy()
    partial[3, 2:5] = np.nan
    verdict = _decide({"partial": partial})
    assert not verdict.promoted
    assert "left out 3 of 420 forecasts that were asked for" in verdict.reason


def test_only_what_the_incumbent_was_scored_on_counts() -> None:
    held = HELD.copy()
    held[0] = np.nan
    spoiled = BETTER.copy()
    spoiled[0] = 1e9  # outside the common window
    assert _decide({"new": spoiled}, held=held).promoted


def test_too_few_days_depose_nobody() -> None:
    held = np.full_like(HELD, np.nan)
    held[:, :4] = HELD[:, :4]
    verdict = _decide({"new": BEST}, held=held)
    assert not verdict.promoted
    assert "only 4 days were scored, 5 are needed" in verdict.reason


def test_nothing_to_compare_keeps_the_incumbent() -> None:
    assert _decide({}).champion == "held"
    assert not _decide({"new": np.zeros_like(HELD)}, held=np.zeros_like(HELD)).promoted


def test_the_first_champion_is_the_best_that_is_no_worse_than_the_naive() -> None:
    verdict = _decide({"better": BETTER, "worse": EQUAL * 1.5}, held=None)
    assert (verdict.promoted, verdict.champion, verdict.incumbent) == (True, "better", None)
    assert "better is the first champion" in verdict.reason


def test_the_naive_itself_may_be_the_first_champion() -> None:
    assert _decide({"naive": EQUAL, "worse": EQUAL * 1.5, "broken": None}, held=None).champion == "naive"


def test_a_first_candidate_worse_than_the_naive_is_not_promoted() -> None:
    verdict = _decide({"worse": EQUAL * 1.5}, held=None)
    assert (verdict.promoted, verdict.champion, verdict.score) == (False, None, None)
    assert verdict.reason.startswith("There is no champion yet: no candidate is as good as the naive forecast.")


def test_without_a_naive_forecast_the_best_candidate_is_first() -> None:
    contender = Contender("only", BETTER)
    verdict = choose_champion("cpu", [contender], None, None, DEMAND, SETTINGS)
    assert verdict.champion == "only"
    assert "no naive forecast to compare with" in verdict.reason


def test_an_incumbent_that_cannot_be_scored_gives_way_to_the_best_candidate() -> None:
    gone = Contender("held", None, failure="artifact missing")
    naive = Contender("naive", EQUAL)
    verdict = choose_champion("cpu", [Contender("new", BETTER)], gone, naive, DEMAND, SETTINGS)
    assert (verdict.promoted, verdict.champion, verdict.incumbent) == (True, "new", "held")
    assert verdict.reason.startswith("held cannot be scored (artifact missing), so new replaces it: ")
    kept = choose_champion("cpu", [Contender("new", EQUAL * 2)], gone, naive, DEMAND, SETTINGS)
    assert (kept.promoted, kept.champion) == (False, "held")
    assert kept.reason.startswith("held cannot be scored (artifact missing) but stays champion: no candidate")


def test_verdicts_are_frozen_and_repeatable() -> None:
    first, second = _decide({"new": BETTER, "equal": EQUAL}), _decide({"new": BETTER, "equal": EQUAL})
    assert first == second
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.champion = "other"  # type: ignore[misc]


def _promotion_rate(fleet: Fleet, gain: float, pairs: int, settings: ChampionSettings) -> float:
    rng = np.random.default_rng(11)
    promoted = 0
    for _ in range(pairs):
        difficulty = fleet.difficulty(rng)
        held = Contender("held", fleet.model(difficulty, 0.0, rng))
        new = Contender("new", fleet.model(difficulty, gain, rng))
        promoted += choose_champion("cpu", [new], held, None, difficulty, settings).promoted
    return promoted / pairs


@pytest.mark.parametrize("fleet", [Fleet(workloads=5, days=7), Fleet(workloads=20, days=14), Fleet()])
def test_equal_pairs_promote_at_most_at_alpha(fleet: Fleet) -> None:
    settings = ChampionSettings(resamples=200, minimum_gain=0.0)  # the significance alone must hold the line
    assert _promotion_rate(fleet, gain=0.0, pairs=1000, settings=settings) <= settings.alpha


def test_equal_candidates_among_several_promote_at_most_at_alpha() -> None:
    settings = ChampionSettings(resamples=200, minimum_gain=0.0)
    rng = np.random.default_rng(3)
    fleet, promoted = Fleet(workloads=20, days=14), 0
    for _ in range(300):
        difficulty = fleet.difficulty(rng)
        held = Contender("held", fleet.model(difficulty, 0.0, rng))
        several = [Contender(str(i), fleet.model(difficulty, 0.0, rng)) for i in range(5)]
        promoted += choose_champion("cpu", several, held, None, difficulty, settings).promoted
    assert promoted / 300 <= settings.alpha


def test_a_true_gain_of_five_per_cent_is_found_with_power() -> None:
    assert _promotion_rate(Fleet(), gain=0.05, pairs=300, settings=ChampionSettings(resamples=200)) >= 0.8
