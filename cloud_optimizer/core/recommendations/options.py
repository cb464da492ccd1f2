"""Up to three ranked sizes a person may choose from, as JSON text."""

import polars as pl

from cloud_optimizer.core.recommendations.money import cost_of
from cloud_optimizer.core.recommendations.risk import RiskBands, risk_word, worst

RANKED = (("balanced", "target"), ("conservative", "conservative"), ("aggressive", "aggressive"))
"""Options by rank with the size column of each: the recommendation first, then the safer, then the cheaper one."""


def options(bands: RiskBands) -> pl.Expr:
    """Return the options of each workload as a JSON list; one that repeats an earlier size is left out.

    An option has name, rank, cpu_cores, memory_bytes, monthly_cost, monthly_saving, risk_cpu, risk_memory and risk.
    """
    texts = [_option(name, size, rank, bands) for rank, (name, size) in enumerate(RANKED, start=1)]
    kept = [pl.when(_differs(size)).then(text) for (_, size), text in zip(RANKED, texts, strict=True)]
    return pl.format("[{}]", pl.concat_str(kept, separator=",", ignore_nulls=True))


def _option(name: str, size: str, rank: int, bands: RiskBands) -> pl.Expr:
    risks = {resource: pl.col(f"{resource}_risk_{size}") for resource in ("cpu", "memory")}
    return pl.struct(
        name=pl.lit(name),
        rank=pl.lit(rank),
        cpu_cores=pl.col(f"cpu_{size}"),
        memory_bytes=pl.col(f"memory_{size}"),
        monthly_cost=cost_of(size),
        monthly_saving=cost_of("current") - cost_of(size),
        risk_cpu=risks["cpu"],
        risk_memory=risks["memory"],
        risk=risk_word(worst(*risks.values()), bands),
    ).struct.json_encode()


def _differs(size: str) -> pl.Expr:
    """Return where a size is the recommendation itself or differs from it in some resource."""
    if size == "target":
        return pl.lit(True)
    return pl.any_horizontal(
        pl.col(f"{resource}_{size}").ne_missing(pl.col(f"{resource}_target")) for resource in ("cpu", "memory")
    )
