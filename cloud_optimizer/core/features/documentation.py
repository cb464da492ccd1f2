"""Writes docs/features.md from the registry.

Run `python -m cloud_optimizer.core.features.documentation > docs/features.md` after a change of the registry.
"""

import sys
from collections.abc import Iterator
from typing import Final

from cloud_optimizer.core.features.registry import BUILT, FEATURES, WARMUP
from cloud_optimizer.core.features.spec import GROUPS, FeatureSpec, window_label
from cloud_optimizer.core.features.views import SERVICES, TARGET_TIME
from cloud_optimizer.core.features.windows import MINIMUM_OBSERVED_FRACTION

_INTRODUCTION: Final = f"""# Features

One row stands for a workload and an interval (an hour), labelled by the interval's start and known at its end. It holds
{len(FEATURES)} float32 columns: {len(FEATURES) - len(BUILT)} observations and {len(BUILT)} features made from them.
This page is generated from `cloud_optimizer/core/features/registry.py`; a test holds it equal.

- A feature looks at its own interval and earlier ones, at most {WARMUP.days} days back (the warm-up), never at a later
  one.
- Unknown is null, never 0. A statistic over a window is unknown unless at least {MINIMUM_OBSERVED_FRACTION:.0%} of the
  window, and two values, were observed. A ratio is unknown where its divisor is 0.
- Windows are durations. Standard deviations are sample ones, percentiles are exact with linear interpolation.
- Cluster features are over the workloads of the cluster whose value is known in that interval.
- Times are UTC.
"""

_LATE: Final = f"""## Late and corrected samples

Every partition of `raw_workload_metrics`, `workload_metrics` and `workload_features` carries a digest of its rows as
its data version. Materialize the ingestion of a day again after its samples were corrected, and Dagster shows exactly
what looks at that day as out of date: the features of that day and of the {WARMUP.days} days after it, in that cluster.
Materializing those partitions is enough; the result is that of a clean build. Where the samples turn out to be the
same, nothing is out of date. A run over several days records each partition a second time, with its own version,
because Dagster gives all partitions of a run one version.
"""

_ONLINE: Final = """## Online store

PostgreSQL keeps the newest row of every workload, in Feast's tables. `FeatureStore.online` reads them with one query
and without Feast: the same answer as Feast's own, in a tenth of its time.

Redis takes its place where `CLOUD_OPTIMIZER_REDIS_URL` names one (`redis://user:password@host:6379/0`, `rediss://` for
TLS) and the extra is installed (`pip install 'cloud-optimizer[redis]'`). Reads and writes then go through Feast, with
the same answers; its own work in Python takes longer than either server: tens of milliseconds for all features of a
workload, some for those of `cloud_optimizer_realtime`. Serve from PostgreSQL unless others read your Redis. One server
is expected: no cluster, no sentinel. After a change of the store, materialize the newest partitions of `feature_store`.
"""

_BY_HAND: Final = """## Feast by hand

The configuration is `cloud_optimizer/feature_repo/feature_store.yaml`. Set `PGHOST` (a host, or the folder of the
embedded server's socket), `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD` (may be empty) and `CLOUD_OPTIMIZER_HOME`.
It names the online store in PostgreSQL; for Redis write its `type` and `connection_string` there.

```
feast -c cloud_optimizer/feature_repo apply
feast -c cloud_optimizer/feature_repo feature-views list
feast -c cloud_optimizer/feature_repo materialize 2025-01-01T00:00:00 2025-01-02T00:00:00
```

Feast reads the Parquet files with Dask and joins in memory: fit for samples of some thousand rows. Training sets are
joined by `FeatureStore.training_set`, which gives the same rows; an entity whose rows are all older than the freshness
stays with nulls there, while Feast leaves it out.
"""


def features_markdown() -> str:
    """Return the text of docs/features.md."""
    return "\n".join([_INTRODUCTION, *_groups(), *_target_time(), *_services(), _LATE, _ONLINE, _BY_HAND])


def _groups() -> Iterator[str]:
    for group in GROUPS:
        specs = [spec for spec in FEATURES if spec.group == group]
        kind = "computed when they are read" if group == "interaction" else "stored"
        yield f"## {group.capitalize()} ({len(specs)})\n"
        yield f"Feast view `{group}_features`, {kind}.\n"
        yield "| Feature | Unit | From | Window | Meaning |\n|---|---|---|---|---|"
        yield from (_row(spec) for spec in specs)
        yield ""


def _row(spec: FeatureSpec) -> str:
    window = "" if spec.window is None else window_label(spec.window)
    sources = "" if spec.transform == "observation" else ", ".join(f"`{source}`" for source in spec.sources)
    return f"| `{spec.name}` | {spec.unit} | {sources} | {window} | {spec.description} |"


def _target_time() -> Iterator[str]:
    yield f"## Target time ({len(TARGET_TIME)})\n"
    yield "Feast view `target_time_features`, computed from the request's `target_timestamp`; not stored.\n"
    yield "| Feature | Unit | Meaning |\n|---|---|---|"
    yield from (f"| `{name}` | {unit} | {text} |" for name, (unit, text) in TARGET_TIME.items())
    yield ""


def _services() -> Iterator[str]:
    yield "## Services\n"
    yield "| Service | Features |\n|---|---|"
    yield from (f"| `{name}` | {len(features)} |" for name, features in SERVICES.items())
    yield ""


if __name__ == "__main__":
    sys.stdout.write(features_markdown())
