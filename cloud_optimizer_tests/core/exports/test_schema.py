"""The JSON schema of a recommendation: the file in docs is the code's, and exported records obey it."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cloud_optimizer.core.exports import export
from cloud_optimizer.core.exports.schema import MEANINGS, recommendation_json_schema, schema_text
from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA
from cloud_optimizer_tests.core.recommendations.fleet import inputs, rollup

DOCUMENT = Path(__file__).parents[3] / "docs" / "schemas" / "recommendation.schema.json"
KINDS = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list, "object": dict}


def violations(value: Any, schema: dict[str, Any], path: str = "$") -> list[str]:
    """Return where a value breaks the few keywords our schema uses."""
    if "enum" in schema and value not in schema["enum"]:
        return [f"{path}: {value!r} is not in the vocabulary"]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(value is None if kind == "null" else isinstance(value, KINDS[kind]) for kind in kinds):
        return [f"{path}: {value!r} is not {kinds}"]
    found = []
    if isinstance(value, dict):
        found += [f"{path}.{name}: missing" for name in schema.get("required", []) if name not in value]
        for name, inner in value.items():
            known = schema["properties"].get(name)
            found += violations(inner, known, f"{path}.{name}") if known else [f"{path}.{name}: unknown"]
    if isinstance(value, list):
        found += [text for at, item in enumerate(value) for text in violations(item, schema["items"], f"{path}[{at}]")]
    if isinstance(value, str) and "pattern" in schema and not re.match(schema["pattern"], value):
        found.append(f"{path}: {value!r} does not look as it should")
    return found


def test_the_schema_in_docs_is_the_one_of_the_code() -> None:
    assert DOCUMENT.read_text() == schema_text(), "write schema_text() to docs/schemas/recommendation.schema.json"


def test_every_column_has_a_meaning_and_no_other() -> None:
    assert set(MEANINGS) == set(RECOMMENDATION_SCHEMA)


def test_exported_records_obey_the_schema() -> None:
    steady = np.full(14 * 24, 0.5)
    fleet = pl.concat(
        [
            rollup("small", steady),
            rollup("scaled", steady * 8, replicas_mean=6.0, cpu_capacity_cores=24.0),
            rollup("new", steady[:3]),
            rollup("unlimited", steady, cpu_capacity_cores=None, memory_capacity_bytes=None),
        ]
    )
    records = json.loads(export(recommend(inputs(fleet)), "json"))
    assert len(records) == 4
    assert [text for record in records for text in violations(record, recommendation_json_schema())] == []


def test_a_record_that_breaks_the_schema_is_seen() -> None:
    (record,) = json.loads(export(recommend(inputs(rollup("web", np.full(48, 0.5)))), "json"))
    broken = record | {"finding": "Fine", "risk_cpu": "high", "extra": 1, "options": [{"name": "balanced"}]}
    found = violations(broken, recommendation_json_schema())
    assert len(found) >= 4
