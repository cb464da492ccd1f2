"""Strategic-merge patches and VerticalPodAutoscaler objects, as YAML documents.

A workload that comes from Kubernetes is named `[namespace/]kind/name[/container]`, e.g. `shop/Deployment/web/nginx`, or
`namespace/name[/container]`, which is a Deployment, as the Prometheus source names them. A bare name is a Deployment of
the default namespace. A container that is not named has the workload's name. Containers of one object share a document:
a second one would undo the first.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import yaml

API_VERSIONS: Final = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "CronJob": "batch/v1"}
MIB: Final = 2**20
ANNOTATION: Final = "cloud-optimizer"
RECOMMENDER: Final = "cloud-optimizer"

Document = dict[str, Any]
Record = dict[str, Any]


@dataclass(frozen=True)
class Address:
    """Where a workload lives in a Kubernetes cluster."""

    namespace: str
    kind: str
    name: str
    container: str
    is_whole: bool  # no container is named: what is known of it is known of the pod

    @classmethod
    def of(cls, workload_id: str) -> "Address":
        """Read a workload's name; parts that Kubernetes would refuse are lower-cased and joined by dashes."""
        parts = workload_id.split("/")
        kind_at = next((at for at, part in enumerate(parts[:-1]) if part in API_VERSIONS and at < 2), None)
        if kind_at is not None:
            namespace, kind, named = parts[0] if kind_at == 1 else "default", parts[kind_at], parts[kind_at + 1 :]
        elif len(parts) in {2, 3}:
            namespace, kind, named = parts[0], "Deployment", parts[1:]
        else:
            namespace, kind, named = "default", "Deployment", [workload_id]
        name, is_whole = _dns_name(named[0]), len(named) == 1
        return cls(_dns_name(namespace), kind, name, name if is_whole else _dns_name(named[1]), is_whole)

    @property
    def whole(self) -> tuple[str, str, str]:
        """The object that the container belongs to."""
        return self.namespace, self.kind, self.name

    @property
    def reference(self) -> Document:
        """What a VPA or HPA points to."""
        return {"apiVersion": API_VERSIONS[self.kind], "kind": self.kind, "name": self.name}


def cpu_quantity(cores: float) -> str:
    """Write cores as whole millicores, rounded up: .2921 gives `293m`."""
    return f"{math.ceil(cores * 1000 - 1e-9)}m"


def memory_quantity(memory_bytes: float) -> str:
    """Write memory as whole mebibytes, rounded up: 1.5 GiB gives `1536Mi`."""
    return f"{math.ceil(memory_bytes / MIB - 1e-9)}Mi"


def patches(recommendations: pl.DataFrame) -> str:
    """Return a patch for each workload of which something changes, for `kubectl patch --type strategic`.

    Sizes are those of one replica. The memory limit is set to the request, so that a pod is not killed by its
    neighbours; a CPU limit is raised where it would lie below the request, and otherwise left alone.
    """
    changed = recommendations.filter(pl.col("effort").ne_missing("none"))
    return _yaml(document for records in _by_object(changed) for document in _workload_patches(records))


def vertical_pod_autoscalers(recommendations: pl.DataFrame) -> str:
    """Return a VerticalPodAutoscaler with our recommendation in its status for each workload that has a size.

    Our recommender is named, so that VPA's own does not overwrite the status. Update mode Off changes nothing by
    itself: the owner switches it on.
    """
    sized = recommendations.filter(
        pl.col("recommended_cpu_cores").is_not_null() | pl.col("recommended_memory_bytes").is_not_null()
    )
    judged = sized.filter(pl.col("finding").is_in(["InsufficientData", "Inconclusive"]).not_())
    return _yaml(_vertical_pod_autoscaler(records) for records in _by_object(judged))


def _by_object(recommendations: pl.DataFrame) -> Iterable[list[Record]]:
    """Return the records of each object of a cluster, one a container."""
    objects: dict[tuple[str, ...], list[Record]] = {}
    for record in recommendations.iter_rows(named=True):
        objects.setdefault((record["cluster"], *Address.of(record["workload_id"]).whole), []).append(record)
    return objects.values()


def _workload_patches(records: list[Record]) -> Iterable[Document]:
    address = Address.of(records[0]["workload_id"])
    containers = [{"name": Address.of(r["workload_id"]).container, "resources": _resources(r)} for r in records]
    template: Document = {"template": {"spec": {"containers": containers}}}
    spec = {"jobTemplate": {"spec": template}} if address.kind == "CronJob" else template
    scaled = [record for record in records if record["recommended_hpa_target_cpu_cores"] is not None]
    counts = [record["recommended_replicas"] for record in records if _replicas_change(record)]
    if counts and not scaled and address.kind in {"Deployment", "StatefulSet"}:
        spec = {"replicas": math.ceil(max(counts)), **spec}
    yield {
        "apiVersion": API_VERSIONS[address.kind],
        "kind": address.kind,
        "metadata": {**_metadata(address), "annotations": _annotations(records)},
        "spec": spec,
    }
    if scaled:
        yield _horizontal_pod_autoscaler(address, scaled)


def _resources(record: Record) -> Document:
    requests, limits = _per_replica(record, "recommended"), {}
    if "memory" in requests:
        limits["memory"] = requests["memory"]
    cpu_limit, cpu = record["current_cpu_limit_cores"], record["recommended_cpu_cores"]
    if cpu_limit is not None and cpu is not None and cpu / _replicas(record) > cpu_limit:
        limits["cpu"] = requests["cpu"]
    return {"requests": requests} | ({"limits": limits} if limits else {})


def _replicas(record: Record) -> float:
    return max(record["recommended_replicas"] or 1.0, 1.0)


def _per_replica(record: Record, size: str) -> dict[str, str]:
    """Return the quantities of one replica; totals of the record are over all of them."""
    replicas = _replicas(record)
    values = {"cpu": record[f"{size}_cpu_cores"], "memory": record[f"{size}_memory_bytes"]}
    write = {"cpu": cpu_quantity, "memory": memory_quantity}
    return {name: write[name](value / replicas) for name, value in values.items() if value is not None}


def _replicas_change(record: Record) -> bool:
    recommended = record["recommended_replicas"]
    return recommended is not None and recommended != record["current_replicas"]


def _horizontal_pod_autoscaler(address: Address, records: list[Record]) -> Document:
    """Scale on absolute CPU of a replica: a new request then does not change the number of replicas."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(address),
        "spec": {
            "scaleTargetRef": address.reference,
            "metrics": [_cpu_metric(record) for record in records],
        },
    }


def _cpu_metric(record: Record) -> Document:
    """Return the target of the pod, or where the workload names a container, that of the container alone."""
    target = {"type": "AverageValue", "averageValue": cpu_quantity(record["recommended_hpa_target_cpu_cores"])}
    resource, address = {"name": "cpu", "target": target}, Address.of(record["workload_id"])
    if address.is_whole:
        return {"type": "Resource", "resource": resource}
    return {"type": "ContainerResource", "containerResource": {"container": address.container, **resource}}


def _vertical_pod_autoscaler(records: list[Record]) -> Document:
    address = Address.of(records[0]["workload_id"])
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {**_metadata(address), "annotations": _annotations(records)},
        "spec": {
            "targetRef": address.reference,
            "recommenders": [{"name": RECOMMENDER}],
            "updatePolicy": {"updateMode": "Off"},
        },
        "status": {"recommendation": {"containerRecommendations": [_bounds(record) for record in records]}},
    }


def _bounds(record: Record) -> Document:
    sizes = {"lowerBound": "lower", "target": "recommended", "uncappedTarget": "uncapped", "upperBound": "upper"}
    quantities = {name: _per_replica(record, size) for name, size in sizes.items()}
    return {"containerName": Address.of(record["workload_id"]).container, **quantities}


def _metadata(address: Address) -> Document:
    return {"name": address.name, "namespace": address.namespace}


def _annotations(records: list[Record]) -> dict[str, str]:
    """Return where the sizes come from; of several containers each value that differs, after a comma."""
    names = ("cluster", "recommendation_id", "workload_id", "finding", "risk")
    values = {name: [str(record[name]) for record in records if record[name] is not None] for name in names}
    values["valid_until"] = [f"{min(record['valid_until'] for record in records):%Y-%m-%dT%H:%M:%SZ}"]
    return {
        f"{ANNOTATION}/{name.replace('_', '-')}": ",".join(dict.fromkeys(told)) for name, told in values.items() if told
    }


def _dns_name(text: str) -> str:
    """Return an RFC 1123 name, at most 63 characters: `My_VM 1` gives `my-vm-1`."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower())[:63].strip("-") or "unnamed"


def _yaml(documents: Iterable[Document]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True)
