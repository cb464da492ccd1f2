"""Strategic-merge patches and VerticalPodAutoscaler objects, as YAML documents.

A workload that comes from Kubernetes is named `[[namespace/]kind/]name[/container]`, e.g. `shop/Deployment/web` or
`shop/Deployment/web/nginx`. A bare name is a Deployment of the default namespace whose container has its name.
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


@dataclass(frozen=True)
class Address:
    """Where a workload lives in a Kubernetes cluster."""

    namespace: str
    kind: str
    name: str
    container: str

    @classmethod
    def of(cls, workload_id: str) -> "Address":
        """Read a workload's name; parts that Kubernetes would refuse are lower-cased and joined by dashes."""
        parts = workload_id.split("/")
        kind_at = next((at for at, part in enumerate(parts) if part in API_VERSIONS and at < 2), None)
        if kind_at is None or kind_at + 1 >= len(parts):
            name = _dns_name(workload_id)
            return cls("default", "Deployment", name, name)
        name = _dns_name(parts[kind_at + 1])
        container = _dns_name(parts[kind_at + 2]) if len(parts) > kind_at + 2 else name
        return cls(_dns_name(parts[0]) if kind_at == 1 else "default", parts[kind_at], name, container)

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
    """Return a patch for each recommendation that changes something, for `kubectl patch --type strategic`.

    Sizes are those of one replica. The memory limit is set to the request, so that a pod is not killed by its
    neighbours; a CPU limit is raised where it would lie below the request, and otherwise left alone.
    """
    changed = recommendations.filter(pl.col("effort").ne_missing("none"))
    return _yaml(document for record in changed.iter_rows(named=True) for document in _workload_patches(record))


def vertical_pod_autoscalers(recommendations: pl.DataFrame) -> str:
    """Return a VerticalPodAutoscaler with our recommendation in its status for each workload that has a size.

    Our recommender is named, so that VPA's own does not overwrite the status. Update mode Off changes nothing by
    itself: the owner switches it on.
    """
    sized = recommendations.filter(
        pl.col("recommended_cpu_cores").is_not_null() | pl.col("recommended_memory_bytes").is_not_null()
    )
    judged = sized.filter(pl.col("finding").is_in(["InsufficientData", "Inconclusive"]).not_())
    return _yaml(_vertical_pod_autoscaler(record) for record in judged.iter_rows(named=True))


def _workload_patches(record: dict[str, Any]) -> Iterable[Document]:
    address = Address.of(record["workload_id"])
    pod = {"spec": {"containers": [{"name": address.container, "resources": _resources(record)}]}}
    template: Document = {"template": pod}
    spec = {"jobTemplate": {"spec": template}} if address.kind == "CronJob" else template
    hpa_target = record["recommended_hpa_target_cpu_cores"]
    if hpa_target is None and address.kind in {"Deployment", "StatefulSet"} and _replicas_change(record):
        spec = {"replicas": math.ceil(record["recommended_replicas"]), **spec}
    yield {
        "apiVersion": API_VERSIONS[address.kind],
        "kind": address.kind,
        "metadata": {**_metadata(address), "annotations": _annotations(record)},
        "spec": spec,
    }
    if hpa_target is not None:
        yield _horizontal_pod_autoscaler(address, hpa_target)


def _resources(record: dict[str, Any]) -> Document:
    requests, limits = _per_replica(record, "recommended"), {}
    if "memory" in requests:
        limits["memory"] = requests["memory"]
    cpu_limit, cpu = record["current_cpu_limit_cores"], record["recommended_cpu_cores"]
    if cpu_limit is not None and cpu is not None and cpu > cpu_limit:
        limits["cpu"] = requests["cpu"]
    return {"requests": requests} | ({"limits": limits} if limits else {})


def _per_replica(record: dict[str, Any], size: str) -> dict[str, str]:
    """Return the quantities of one replica; totals of the record are over all of them."""
    replicas = max(record["recommended_replicas"] or 1.0, 1.0)
    values = {"cpu": record[f"{size}_cpu_cores"], "memory": record[f"{size}_memory_bytes"]}
    write = {"cpu": cpu_quantity, "memory": memory_quantity}
    return {name: write[name](value / replicas) for name, value in values.items() if value is not None}


def _replicas_change(record: dict[str, Any]) -> bool:
    recommended = record["recommended_replicas"]
    return recommended is not None and recommended != record["current_replicas"]


def _horizontal_pod_autoscaler(address: Address, target_cores: float) -> Document:
    """Scale on absolute CPU of a replica: a new request then does not change the number of replicas."""
    target = {"type": "AverageValue", "averageValue": cpu_quantity(target_cores)}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(address),
        "spec": {"scaleTargetRef": address.reference, "metrics": [metric]},
    }


def _vertical_pod_autoscaler(record: dict[str, Any]) -> Document:
    address = Address.of(record["workload_id"])
    sizes = {"lowerBound": "lower", "target": "recommended", "uncappedTarget": "uncapped", "upperBound": "upper"}
    container = {name: _per_replica(record, size) for name, size in sizes.items()}
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {**_metadata(address), "annotations": _annotations(record)},
        "spec": {
            "targetRef": address.reference,
            "recommenders": [{"name": RECOMMENDER}],
            "updatePolicy": {"updateMode": "Off"},
        },
        "status": {
            "recommendation": {"containerRecommendations": [{"containerName": address.container, **container}]},
        },
    }


def _metadata(address: Address) -> Document:
    return {"name": address.name, "namespace": address.namespace}


def _annotations(record: dict[str, Any]) -> dict[str, str]:
    values = {name: record[name] for name in ("recommendation_id", "workload_id", "finding", "risk")}
    values["valid_until"] = f"{record['valid_until']:%Y-%m-%dT%H:%M:%SZ}"
    return {f"{ANNOTATION}/{name.replace('_', '-')}": str(value) for name, value in values.items() if value is not None}


def _dns_name(text: str) -> str:
    """Return an RFC 1123 name, at most 63 characters: `My_VM 1` gives `my-vm-1`."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower())[:63].strip("-") or "unnamed"


def _yaml(documents: Iterable[Document]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True)
