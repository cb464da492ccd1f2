"""Which model deserves to forecast a resource: a pure decision on frozen losses, with its reasons.

How losses come about lives in core.evaluation; keeping the choice, in resources.model_registry.
"""

from cloud_optimizer.core.champion.gate import choose_champion
from cloud_optimizer.core.champion.verdict import CandidateResult, ChampionSettings, ChampionVerdict, Contender

__all__ = ["CandidateResult", "ChampionSettings", "ChampionVerdict", "Contender", "choose_champion"]
