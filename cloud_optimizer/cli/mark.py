"""`mark`: what people did with recommendations."""

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.settings import load_settings


class Mark(StrEnum):
    """Where people may take a recommendation; the platform itself lets it expire."""

    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    PROPOSED = "proposed"
    APPLIED = "applied"
    REVERTED = "reverted"


def mark(
    status: Annotated[Mark, typer.Argument(help="What was done.")],
    recommendations: Annotated[list[str], typer.Argument(help="Their ids, as `export` prints them.")],
    by: Annotated[str | None, typer.Option(help="Who did it; default: the user who runs this.")] = None,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    at: Annotated[datetime | None, typer.Option(help="When it was done, UTC; default: now.")] = None,
) -> None:
    """Record that recommendations were accepted, dismissed, reopened, applied or reverted.

    What is applied enters the ledger of savings; the asset realised_savings measures from then on what came of it.
    Days that it measured before they were told of here are measured again.
    """
    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.resources.warehouse.life_cycle import change_status
    from cloud_optimizer.resources.warehouse.watch import outdated_savings

    settings = load_settings()
    moment = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    actor = by or _user()
    with local_platform(settings) as platform:
        prices = settings.recommendation.prices
        change_status(platform.warehouse, recommendations, status, moment, actor, note, prices)
        outdated = outdated_savings(platform.warehouse)
    typer.echo(f"{len(set(recommendations))} now {status}: {', '.join(sorted(set(recommendations)))}")
    ends = (pl.col("date").min().alias("first"), pl.col("date").max().alias("last"))
    for cluster, first, last in outdated.group_by("cluster", maintain_order=True).agg(ends).iter_rows():
        typer.echo(
            f"Savings of {cluster} from {first} to {last} were measured before all of this was known: the schedule "
            "restated_savings measures them again within the hour; without it, materialize realised_savings of them."
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # a container may run as a user that has no name
        raise InputError("The user who runs this has no name here: say who did it by --by NAME.") from error
