"""A recommendation in plain words: what was seen, what is expected, which size, which risk, which money, and why.

Everything is read from the record, so that a stored recommendation explains itself.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

Record = Mapping[str, Any]

GIB: Final = 2**30
MINUTES_PER_DAY: Final = 1440
SMALLEST_SUM: Final = 0.005  # of money: less is written as 0.00
WHOLE_REPLICAS: Final = 100  # from here on a fraction of one is not worth a word

CODE_SENTENCES: Final = {
    "FLOOR_APPLIED": "The demand would fit into less than the smallest size allowed, so the floor decides.",
    "OOM_SEEN": "The workload was killed for memory, so memory is kept above the limit it hit.",
    "SEASONAL_PEAK": "A recurring hour of the day drives the peaks: the size is for that hour.",
    "HPA_CONFLICT": "An autoscaler scales on CPU relative to the request: change its target to the absolute value "
    "together with the size, else it will change the number of replicas.",
    "LOW_CONFIDENCE": "Confidence is low: little history, gaps in it, or no forecast to rely on.",
    "STALE_TELEMETRY": "The telemetry ended before the day did, so nothing is changed on it.",
    "LIMIT_UNSET": "No present size is known for a resource, so its saving cannot be stated.",
    "DISK_UNDER": "Disk traffic comes close to its limit.",
    "DISK_OVER": "Disk traffic stays far below its limit.",
    "NETWORK_UNDER": "Network traffic comes close to its limit.",
    "NETWORK_OVER": "Network traffic stays far below its limit.",
}


def explain(record: Record) -> str:
    """Return several sentences about one row of `RECOMMENDATION_SCHEMA`."""
    if record["finding"] == "InsufficientData":
        parts = [_too_little(record)]
    else:
        parts = [
            _verdict(record),
            _seen(record),
            _expected(record),
            _sizes(record),
            _replicas(record),
            _money(record),
            _alternatives(record),
        ]
    notes = [sentence for code, sentence in CODE_SENTENCES.items() if code in (record["reason_codes"] or ())]
    return " ".join(part for part in (*parts, *notes, _window(record), _deadline(record)) if part)


def cores(value: float | None) -> str:
    """Write CPU: 1.25 gives `1.25 cores`, .25 gives `250 millicores`."""
    if value is None:
        return "an unknown number of cores"
    if value == 1:
        return "1 core"
    return f"{value:,.4g} cores" if value >= 1 else f"{value * 1000:.3g} millicores"


def memory(value: float | None) -> str:
    """Write memory: 1.5 * 2**30 gives `1.5 GiB`, less than one GiB is in MiB."""
    if value is None:
        return "an unknown amount of memory"
    return f"{value / GIB:,.4g} GiB" if value >= GIB else f"{value / 2**20:.4g} MiB"


def share_of_day(risk: float | None) -> str:
    """Write a risk with its minutes a day: .005 gives `0.5 % of the time (7.2 minutes a day)`."""
    if risk is None:
        return "an unknown share of the time"
    if risk < 0.00001:
        return "practically none of the time"
    return f"{risk:.2%} of the time ({risk * MINUTES_PER_DAY:.3g} minutes a day)".replace("%", " %")


def _too_little(record: Record) -> str:
    days = record["lookback_days"] or 0.0
    return (
        f"{record['workload_id']} was observed too little to recommend anything: {record['samples'] or 0:,} samples "
        f"over {days:.1f} days; its size stays as it is until there are more."
    )


def _verdict(record: Record) -> str:
    meaning = {
        "Underprovisioned": "is too small for its demand",
        "Overprovisioned": "has more than its demand needs",
        "Optimized": "has a size that fits; no change would pay for itself",
        "Idle": "does next to nothing; consider stopping it",
        "Inconclusive": "cannot be judged on this telemetry, so its size stays as it is",
    }
    return f"{record['workload_id']} {meaning[record['finding']]}."


def _seen(record: Record) -> str:
    usages = [
        _usage(record, name, unit, write)
        for name, unit, write in (("cpu", "cores", cores), ("memory", "bytes", memory))
        if record[f"{name}_max_{unit}"] is not None
    ]
    if not usages:
        return ""
    samples, completeness = record["samples"] or 0, round(100 * (record["completeness"] or 0.0))
    period = f"In the last {record['lookback_days'] or 0:.1f} days ({samples:,} samples, {completeness} % complete)"
    return f"{period} it used {'; '.join(usages)}."


def _usage(record: Record, name: str, unit: str, write: Any) -> str:
    median, p95, p99, highest = (write(record[f"{name}_{level}_{unit}"]) for level in ("p50", "p95", "p99", "max"))
    label = {"cpu": "CPU", "memory": "memory"}[name]
    return f"{median} of {label} in the median, {p95} at the 95th and {p99} at the 99th percentile, {highest} at most"


def _expected(record: Record) -> str:
    demand = [
        write(record[f"projected_{name}_utilization"] * record[f"recommended_{name}_{unit}"])
        for name, unit, write in (("cpu", "cores", cores), ("memory", "bytes", memory))
        if record[f"projected_{name}_utilization"] is not None
    ]
    if not demand:
        return ""
    mean = f"On average {' and '.join(demand)} are expected for the next day"
    forecast = f"from the forecast (model version {record['model_version'] or 'unknown'}) and recent history"
    why = "a drift check failed" if "DRIFT" in (record["reason_codes"] or ()) else "there is no forecast to rely on"
    history = f"from history alone because {why}: a high percentile of it must fit, with headroom"
    match record["algorithm"]:
        case "expected_cost":
            return f"{mean}, {forecast}."
        case "expected_cost_cpu":
            return f"{mean}: CPU {forecast}, memory {history}."
        case "expected_cost_memory":
            return f"{mean}: memory {forecast}, CPU {history}."
    return f"{mean}, {history}."


def _sizes(record: Record) -> str:
    return " ".join(
        _size(record, name, label, unit, write)
        for name, label, unit, write in (("cpu", "CPU", "cores", cores), ("memory", "Memory", "bytes", memory))
        if record[f"recommended_{name}_{unit}"] is not None
    )


def _size(record: Record, name: str, label: str, unit: str, write: Any) -> str:
    current, size = record[f"current_{name}_{unit}"], record[f"recommended_{name}_{unit}"]
    bounds = (
        f"sizes from {write(record[f'lower_{name}_{unit}'])} to {write(record[f'upper_{name}_{unit}'])} are as good"
    )
    risk = f"demand is expected above it {share_of_day(record[f'risk_{name}'])}"
    if current == size and f"{name.upper()}_OVER" in (record["reason_codes"] or ()):
        return f"{label} stays at {write(size)} until the cool-down of its last change ends: {risk}."
    if current == size:
        return f"{label} stays at {write(size)}: {risk}; {bounds}, considering what a change costs."
    before = f" (at today's size: {share_of_day(record[f'current_risk_{name}'])})" if current is not None else ""
    present = f"from {write(current)} " if current is not None else ""
    return f"{label} goes {present}to {write(size)}: {risk}{before}; {bounds}, considering what a change costs."


def _replicas(record: Record) -> str:
    target = record["recommended_hpa_target_cpu_cores"]
    if target is None:
        return ""
    recommended = _shape(record["recommended_replicas"], record["recommended_cpu_cores"])
    present = _shape(record["current_replicas"] or 1.0, record["current_cpu_cores"])
    instead = "" if present == recommended else f" instead of {present}"
    hours = [entry["replicas"] for entry in json.loads(record["replica_schedule"])]
    lowest, highest = min(hours), max(hours)
    by_hour = f"{highest} at every hour" if lowest == highest else f"{lowest} to {highest} by hour"
    return (
        f"That is {recommended}{instead}; {by_hour} {'is' if highest == 1 else 'are'} needed, and an autoscaler should "
        f"aim at {cores(target)} of each, an absolute value."
    )


def _shape(count: float, total: float) -> str:
    """Write replicas with the size of one; the count seen may be a mean: `2.25 replicas of 4 cores` have 9 in all."""
    written = f"{count:.3g}" if count < WHOLE_REPLICAS else f"{count:.0f}"
    return f"{written} replica{'' if count == 1 else 's'} of {cores(total / count)}"


def _money(record: Record) -> str:
    before, after, saving = (record[f"monthly_{name}"] for name in ("cost_before", "cost_after", "saving"))
    currency = record["currency"]
    if before is None or after is None:
        return ""
    if saving == 0:
        return f"It costs {before:,.2f} {currency} a month."
    bill = f"The month costs {after:,.2f} instead of {before:,.2f} {currency}"
    if saving < 0:
        return f"{bill}: {-saving:,.2f} more, against the shortage."
    interval = f"{record['monthly_saving_lower']:,.2f} to {record['monthly_saving_upper']:,.2f} within the bounds"
    return f"{bill}: {saving:,.2f} saved ({interval})."


def _alternatives(record: Record) -> str:
    """Say why not less and why not more, from the options."""
    choices = {option["name"]: option for option in json.loads(record["options"] or "[]")}
    chosen = choices.get("balanced")
    sentences = []
    for name, word, verb in (("aggressive", "Less", "save"), ("conservative", "More", "cost")):
        other = choices.get(name)
        if chosen is None or other is None:
            continue
        difference = _difference(other, chosen, record["currency"], verb)
        sentences.append(f"{word} ({_option_size(other)}) would {difference}be short {_option_risk(other)}.")
    return " ".join(sentences)


def _difference(other: Record, chosen: Record, currency: str, verb: str) -> str:
    if other["monthly_cost"] is None or chosen["monthly_cost"] is None:
        return ""
    difference = abs(other["monthly_cost"] - chosen["monthly_cost"])
    return f"{verb} {difference:,.2f} {currency} more a month and " if difference >= SMALLEST_SUM else ""


def _option_size(option: Record) -> str:
    known = [(cores, option["cpu_cores"]), (memory, option["memory_bytes"])]
    return ", ".join(write(value) for write, value in known if value is not None)


def _option_risk(option: Record) -> str:
    risks = [
        f"{label} {share_of_day(option[key])}"
        for label, key in (("of CPU", "risk_cpu"), ("of memory", "risk_memory"))
        if option[key] is not None
    ]
    return " and ".join(risks)


def _window(record: Record) -> str:
    opens, closes = record["window_start"], record["window_end"]
    if opens is None or closes is None:
        return ""
    end = f"{closes:%H:%M}" if opens.date() == closes.date() else f"{closes:%Y-%m-%d %H:%M}"
    return f"The change waits for the workload's maintenance window, {opens:%Y-%m-%d %H:%M} to {end} UTC."


def _deadline(record: Record) -> str:
    if record["effort"] in (None, "none"):
        return ""
    restart = "The change needs a restart" if record["restart_needed"] else "The change needs no restart"
    return f"{restart}; the recommendation is valid until {record['valid_until']:%Y-%m-%d %H:%M} UTC."
