"""`mark`: what people did with recommendations."""

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.settings import load_settings

if TYPE_CHECKING:
    from cloud_optimizer.resources.warehouse import Warehouse


class Mark(StrEnum):
    """Where people may take a recommendation; the platform itself lets it expire."""

    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    PROPOSED = "proposed"
    APPLIED = "applied"
    REVERTED = "reverted"


LEDGER_MARKS: Final = (Mark.APPLIED, Mark.REVERTED)
"""Those that the ledger of savings takes over."""


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

    settings = load_settings()
    moment = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    actor = by or _user()
    with local_platform(settings) as platform:
        prices = settings.recommendation.prices
        clusters = change_status(platform.warehouse, recommendations, status, moment, actor, note, prices)
        typer.echo(f"{len(set(recommendations))} now {status}: {', '.join(sorted(set(recommendations)))}")
        for cluster in clusters if status in LEDGER_MARKS else ():
            typer.echo(_outdated(platform.warehouse, cluster), nl=False)


def _outdated(warehouse: "Warehouse", cluster: str) -> str:
    """Return a line on the savings that are measured again, where there are any."""
    from cloud_optimizer.resources.warehouse.watch import outdated_savings

    try:
        days = outdated_savings(warehouse, cluster)["date"]
    except Exception as error:  # noqa: BLE001 - the mark is made, whatever comes of the look after it
        return f"Whether savings of {cluster} were measured before this was known could not be looked up: {error}\n"
    if days.is_empty():
        return ""
    return (
        f"Savings of {cluster} from {days.min()} to {days.max()} were measured before all of this was known: the "
        "schedule restated_savings measures them again within the hour; without it, materialize realised_savings of "
        "them.\n"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # a container may run as a user that has no name
        raise InputError("The user who runs this has no name here: say who did it by --by NAME.") from error
