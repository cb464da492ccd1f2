"""Out-of-time losses of candidates: one Parquet file a family, day and cluster, read together by the comparison."""

from datetime import date
from pathlib import Path

import polars as pl

from cloud_optimizer.core.evaluation.records import EVALUATION_SCHEMA
from cloud_optimizer.resources.parquet import held_open, path_part, write_parquet


class EvaluationStore:
    """Losses under one folder; families that train at the same time touch different files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, cluster: str, day: date, family: str, losses: pl.DataFrame) -> Path:
        """Replace the losses of a family as of a day (`EVALUATION_SCHEMA`)."""
        path = self._folder(cluster, day) / f"{path_part(family)}.parquet"
        write_parquet(losses.select(EVALUATION_SCHEMA.names()).cast(EVALUATION_SCHEMA), path)
        return path

    def remove(self, cluster: str, day: date, family: str) -> None:
        """Forget the losses of a family as of a day; nothing happens where there are none."""
        (self._folder(cluster, day) / f"{path_part(family)}.parquet").unlink(missing_ok=True)

    def read(self, cluster: str, day: date) -> pl.DataFrame:
        """Return the losses of every family that was trained as of a day; empty where none was."""
        with held_open(sorted(self._folder(cluster, day).glob("*.parquet"))) as files:
            return pl.concat([EVALUATION_SCHEMA.to_frame(), *map(pl.read_parquet, files)])

    def _folder(self, cluster: str, day: date) -> Path:
        return self.root / path_part(cluster) / day.isoformat()
