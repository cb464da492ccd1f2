"""Where searches lie. Optuna is imported when the first one is opened: it costs a second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloud_optimizer.core.forecasting.search_space import Span
from cloud_optimizer.core.tuning.settings import TuningSettings

if TYPE_CHECKING:
    from cloud_optimizer.resources.tuning.search import HyperparameterSearch


@dataclass(frozen=True)
class Searches:
    """The searches of one database.

    Args:
        url: The warehouse, for libpq.
        storage_url: The same database for SQLAlchemy with psycopg 3.
    """

    url: str = field(repr=False)
    storage_url: str = field(repr=False)

    def open(self, name: str, space: Mapping[str, Span], settings: TuningSettings) -> "HyperparameterSearch":
        """Return a search; whoever opens the same name works on the same trials. Leaving its block closes it."""
        from cloud_optimizer.resources.tuning.search import HyperparameterSearch

        return HyperparameterSearch(self.url, self.storage_url, name, space, settings)
