"""`make calibrate`: how often the checks are right. `--only NAME` (part of a name) looks at some and writes nothing."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.calibration.observing import Looked
from tests.calibration.pace import Pace, pace
from tests.calibration.shares import PROCESSES, conditions, look_at_all, prepare
from tests.calibration.table import FEWEST, Result, markdown

TABLE = Path(__file__).resolve().parent.parent.parent / "docs" / "calibration.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults and healthy estates with this in their names")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="estates at the same time")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        result = calibrate(Path(folder), asked.only, asked.processes)
    for alarm in result.false_alarms:
        print(f"false alarm: {alarm}")
    if not asked.only:
        print(result.pace)
        TABLE.write_text(markdown(result), encoding="utf-8")
    print(result.last_line)
    return 0 if result.good_enough and (asked.only or len(result.faults) >= FEWEST) else 1


def calibrate(folder: Path, only: str, processes: int) -> Result:
    """Every fault and every healthy variant, each alone."""
    from installer_tasks.rehearsal.faults import Fault

    by_name = {one.name: one for one in conditions() if only in one.name}
    measured = None if only else _pace(folder)
    seen = look_at_all(list(by_name), processes)
    looked = [Looked(by_name[name], facts, answers, seconds) for name, facts, answers, seconds in seen]
    faults = [one for one in looked if isinstance(one.condition, Fault)]
    return Result(faults, [one for one in looked if one not in faults], measured)


def _pace(folder: Path) -> Pace:
    """Before anything else runs beside it."""
    from installer_tasks import answer_keys
    from installer_tasks.rehearsal.bundle import SMALL
    from installer_tasks.rehearsal.controllers import Pace as Controllers
    from installer_tasks.rehearsal.estate import Estate

    with Estate(folder / "estate", pace=Controllers.INSTANT, scale=SMALL) as estate:
        return pace(answer_keys.with_defaults(estate.answers()))


if __name__ == "__main__":
    sys.exit(main())
