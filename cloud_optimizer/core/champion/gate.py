"""The champion gate: promote only what is measurably better and not dearer.

A candidate replaces the incumbent when, on the same frozen window, it saves at least the minimum share of the pooled
loss, its typical gain over workloads and days is significant after Holm's correction for the number of candidates,
and decisions made with it cost no more. Without an incumbent the best candidate that is no worse than the naive
forecast becomes the first champion.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.champion.verdict import CandidateResult, ChampionSettings, ChampionVerdict, Contender
from cloud_optimizer.core.evaluation.bootstrap import diebold_mariano, gain_test, holm, standardised
from cloud_optimizer.core.evaluation.metrics import Float64Array


def choose_champion(
    resource: str,
    candidates: Sequence[Contender],
    incumbent: Contender | None,
    naive: Contender | None,
    demand: Float64Array,
    settings: ChampionSettings,
) -> ChampionVerdict:
    """Decide who forecasts a resource from now on.

    Args:
        resource: `cpu` or `memory`; only named in the verdict.
        candidates: Newly trained models; the naive family may be among them.
        incumbent: The champion so far, scored on the same window; None for the first choice.
        naive: The naive forecast on the same window: the hurdle of a first champion; None where it is not known.
        demand: Sum of |y| of each workload and day, [n, D], NaN where not scored: scores are loss / demand.
        settings: Thresholds.

    Returns:
        A frozen verdict; the same input always gives the same one.
    """
    if incumbent is not None and incumbent.losses is not None:
        return _challenge(resource, candidates, incumbent, demand, settings)
    return _unopposed(resource, candidates, incumbent, naive, demand)


def _challenge(
    resource: str,
    candidates: Sequence[Contender],
    incumbent: Contender,
    demand: Float64Array,
    settings: ChampionSettings,
) -> ChampionVerdict:
    compared = [_compare(candidate, incumbent, demand, settings) for candidate in candidates]
    tested = [position for position, item in enumerate(compared) if item.p_value is not None]
    for position, p_adjusted in zip(tested, holm([compared[i].p_value or 0.0 for i in tested]), strict=True):
        compared[position] = _judge(compared[position], p_adjusted, settings)
    ranked = _ranked(compared)
    holder = CandidateResult(incumbent.name, True, (), score=_score(_losses(incumbent), demand))
    winner = next((item for item in ranked if item.passed), holder)
    promoted = winner is not holder
    lead = f"{winner.name} {f'replaces {incumbent.name}' if promoted else 'stays champion: no candidate passed'}."
    return ChampionVerdict(
        resource=resource,
        promoted=promoted,
        champion=winner.name,
        incumbent=incumbent.name,
        score=winner.score,
        incumbent_score=holder.score,
        candidates=ranked,
        reasons=(lead, *_told(ranked)),
    )


def _compare(
    candidate: Contender, incumbent: Contender, demand: Float64Array, settings: ChampionSettings
) -> CandidateResult:
    """Everything measured about a candidate; a p-value only where a test is possible."""
    losses, problem = _comparable(candidate, _losses(incumbent))
    if losses is None:
        return CandidateResult(candidate.name, False, (problem,))
    scored = ~np.isnan(losses)
    challenger, holder = np.where(scored, losses, 0.0), np.where(scored, _losses(incumbent), 0.0)
    days = int(scored.any(axis=0).sum())
    measured = CandidateResult(
        candidate.name,
        False,
        (),
        score=_score(losses, demand),
        gain=1 - float(challenger.sum() / holder.sum()) if holder.sum() > 0 else 0.0,
        cost_change=_cost_change(candidate, incumbent, scored),
    )
    if days < settings.minimum_days:
        return replace(measured, reasons=(f"only {days} days were scored, {settings.minimum_days} are needed",))
    if holder.sum() <= 0:
        return replace(measured, reasons=("the incumbent has no loss to improve on",))
    rows, columns = scored.any(axis=1), scored.any(axis=0)
    challenger, holder = challenger[rows][:, columns], holder[rows][:, columns]
    test = gain_test(*standardised(challenger, holder), settings.alpha, settings.resamples, settings.seed)
    statistic, statistic_p = diebold_mariano(challenger, holder)
    return replace(
        measured,
        typical_gain=test.gain,
        typical_gain_lower=test.lower,
        p_value=test.p_value,
        diebold_mariano=statistic,
        diebold_mariano_p=statistic_p,
    )


def _losses(contender: Contender) -> Float64Array:
    assert contender.losses is not None
    return contender.losses


def _comparable(candidate: Contender, reference: Float64Array) -> tuple[Float64Array | None, str]:
    """The candidate's losses where the reference has some; None and the reason where it left any of them out."""
    if candidate.losses is None:
        return None, f"failed: {candidate.failure or 'no reason given'}"
    asked = ~np.isnan(reference)
    missing = int(np.count_nonzero(np.isnan(candidate.losses) & asked))
    if missing:
        return None, f"left out {missing} of {np.count_nonzero(asked)} forecasts that were asked for"
    return np.where(asked, candidate.losses, np.nan), ""


def _judge(item: CandidateResult, p_adjusted: float, settings: ChampionSettings) -> CandidateResult:
    """Apply the three conditions to a tested candidate and say how each went."""
    assert item.gain is not None
    assert item.typical_gain is not None
    enough = item.gain >= settings.minimum_gain
    sure = p_adjusted <= settings.alpha
    cheap = item.cost_change is None or item.cost_change <= settings.cost_tolerance
    significance = f"{'' if sure else 'not '}significant (p = {p_adjusted:.3f} after Holm, alpha {settings.alpha:g})"
    cost = "its decision cost is not known"
    if item.cost_change is not None:
        cost = f"decisions cost {item.cost_change:+.1%} (at most {settings.cost_tolerance:+.1%})"
    reasons = (
        f"{'saves' if enough else 'saves only'} {item.gain:.1%} of the loss (at least {settings.minimum_gain:.1%})",
        f"its typical gain of {item.typical_gain:.1%} is {significance}",
        cost,
    )
    return replace(item, passed=enough and sure and cheap, p_adjusted=p_adjusted, reasons=reasons)


def _unopposed(
    resource: str,
    candidates: Sequence[Contender],
    lost: Contender | None,
    naive: Contender | None,
    demand: Float64Array,
) -> ChampionVerdict:
    """Choose the best candidate that is no worse than the naive forecast on the window that all were scored on.

    `lost` is the incumbent that cannot be scored, None where there never was one.
    """
    hurdle = None if naive is None else naive.losses
    reference = demand if hurdle is None else hurdle
    bar = float("inf") if hurdle is None else _score(hurdle, demand)
    ranked = _ranked([_against(candidate, reference, demand, bar) for candidate in candidates])
    winner = next((item for item in ranked if item.passed), None)
    holder = None if lost is None else lost.name
    return ChampionVerdict(
        resource=resource,
        promoted=winner is not None,
        champion=winner.name if winner else holder,
        incumbent=holder,
        score=winner.score if winner else None,
        incumbent_score=None,
        candidates=ranked,
        reasons=(_unopposed_lead(winner, lost), *_told(ranked)),
    )


def _unopposed_lead(winner: CandidateResult | None, lost: Contender | None) -> str:
    gone = "" if lost is None else f"{lost.name} cannot be scored ({lost.failure or 'no losses'})"
    if winner is None:
        place = f"{gone} but stays champion" if lost else "There is no champion yet"
        return f"{place}: no candidate is as good as the naive forecast."
    place = f"{gone}, so {winner.name} replaces it" if lost else f"{winner.name} is the first champion"
    return f"{place}: the best candidate, and no worse than the naive forecast."


def _against(candidate: Contender, reference: Float64Array, demand: Float64Array, bar: float) -> CandidateResult:
    losses, problem = _comparable(candidate, reference)
    if losses is None:
        return CandidateResult(candidate.name, False, (problem,))
    score = _score(losses, demand)
    hurdle = f"the naive forecast {bar:.4f}" if np.isfinite(bar) else "there is no naive forecast to compare with"
    return CandidateResult(candidate.name, score <= bar, (f"has a score of {score:.4f}, {hurdle}",), score=score)


def _ranked(results: Sequence[CandidateResult]) -> tuple[CandidateResult, ...]:
    return tuple(sorted(results, key=lambda item: (item.score is None, item.score or 0.0, item.name)))


def _told(results: Sequence[CandidateResult]) -> tuple[str, ...]:
    return tuple(f"{item.name}: {'; '.join(item.reasons)}." for item in results)


def _score(losses: Float64Array, demand: Float64Array) -> float:
    """Sum of loss / sum of demand over what was scored."""
    scored = ~np.isnan(losses) & ~np.isnan(demand)
    below = float(demand[scored].sum())
    return float(losses[scored].sum()) / below if below > 0 else float("nan")


def _cost_change(candidate: Contender, incumbent: Contender, scored: NDArray[np.bool_]) -> float | None:
    """Relative change of the decision cost where both are priced; None where nothing is."""
    if candidate.costs is None or incumbent.costs is None:
        return None
    both = scored & ~np.isnan(candidate.costs) & ~np.isnan(incumbent.costs)
    before = float(incumbent.costs[both].sum())
    return float(candidate.costs[both].sum()) / before - 1 if before > 0 else None
