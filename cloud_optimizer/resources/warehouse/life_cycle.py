"""What may happen to a recommendation, one step at a time. Storing the step is the warehouse's part."""

from typing import Final, Literal, get_args

from cloud_optimizer.core.errors import InputError

Status = Literal["proposed", "accepted", "dismissed", "applied", "reverted", "expired"]

NEXT: Final[dict[Status, frozenset[Status]]] = {
    "proposed": frozenset({"accepted", "dismissed", "applied", "expired"}),
    "accepted": frozenset({"applied", "dismissed", "expired"}),
    "applied": frozenset({"reverted"}),
    "dismissed": frozenset({"proposed"}),  # a change of mind reopens it
    "reverted": frozenset(),
    "expired": frozenset(),
}


def check_step(recommendation_id: str, current: Status, new: str) -> Status:
    """Return `new` if a recommendation may go there from `current`.

    Raises:
        InputError: It may not, or `new` is no status.
    """
    for status in get_args(Status):
        if status == new and status in NEXT[current]:
            return status  # type: ignore[no-any-return]
    allowed = ", ".join(sorted(NEXT[current])) or "nothing else"
    raise InputError(f"Recommendation {recommendation_id} is {current} and cannot become {new}: possible is {allowed}.")
