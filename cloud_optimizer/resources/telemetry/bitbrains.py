"""The folder form of the Bitbrains traces (Grid Workloads Archive GWA-T-12): a folder a month, a CSV file a machine.

The columns are in the common table (core.telemetry.columns); only the layout is special: `2013-8/53.csv` is August
of machine 53, and a machine's months belong together. Its header says `Timestamp [ms]`, its values are seconds.
"""

import re
from pathlib import Path

from cloud_optimizer.resources.telemetry.files import TraceFile

MONTH = re.compile(r"^(\d{4})-(\d{1,2})$")
MACHINE = re.compile(r"^(\d+)\.csv$")


def bitbrains_files(folder: Path) -> tuple[TraceFile, ...]:
    """Return the files of a Bitbrains folder, machine by machine in order of time; empty where it is not one."""
    if not folder.is_dir():
        return ()
    found: list[tuple[int, int, int, Path]] = []
    for month_folder in folder.iterdir():
        month = MONTH.match(month_folder.name)
        if month is None or not month_folder.is_dir():
            continue
        for entry in month_folder.iterdir():
            machine = MACHINE.match(entry.name)
            if machine is not None:
                found.append((int(machine[1]), int(month[1]), int(month[2]), entry))
    return tuple(
        TraceFile(path, f"{folder.name}/{path.parent.name}/{path.name}", workload=f"vm-{machine}")
        for machine, _, _, path in sorted(found)
    )
