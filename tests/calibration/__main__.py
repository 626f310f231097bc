"""`make calibrate`: how often the checks are right. `--only NAME` (part of a name) looks at some and writes nothing."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import django

from tests.calibration.looking import look_with, words
from tests.calibration.pace import pace
from tests.calibration.table import FEWEST, Result, markdown

TABLE = Path(__file__).resolve().parent.parent.parent / "docs" / "calibration.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults and healthy estates with this in their names")
    only = parser.parse_args().only
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMC_INSTALLER_STATE"] = folder
        os.environ.setdefault("TMC_INSTALLER_TRIAL_SECONDS", "5")  # nothing of the estate takes longer at this pace
        django.setup()
        result = calibrate(Path(folder), only)
    for alarm in result.false_alarms:
        print(f"false alarm: {alarm}")
    if not only:
        print(result.pace)
        TABLE.write_text(markdown(result), encoding="utf-8")
    print(result.last_line)
    return 0 if result.good_enough and (only or len(result.faults) >= FEWEST) else 1


def calibrate(folder: Path, only: str = "", *, speak: bool = True) -> Result:
    """Every fault and every healthy variant, one after the other, on one running estate."""
    from installer_tasks import answers as answer_keys
    from installer_tasks.rehearsal.bundle import SMALL
    from installer_tasks.rehearsal.controllers import Pace
    from installer_tasks.rehearsal.estate import Estate
    from installer_tasks.rehearsal.faults import FAULTS, VARIANTS, Fault, Variant

    usual = Variant("healthy.usual", "The practice estate as it is")
    looked = []
    with Estate(folder / "estate", pace=Pace.INSTANT, scale=SMALL) as estate:
        wanted = [one for one in (usual, *VARIANTS, *FAULTS) if only in one.name]
        measured = None if only else pace(answer_keys.with_defaults(estate.answers()))
        for one in look_with(estate, wanted):
            looked.append(one)
            if speak:
                _say(one)
    faults = [one for one in looked if isinstance(one.condition, Fault)]
    return Result(faults, [one for one in looked if one not in faults], measured)


def _say(one: object) -> None:
    from installer_tasks.rehearsal.faults import Fault
    from tests.calibration.looking import Looked

    assert isinstance(one, Looked)
    said = one.said()
    if isinstance(one.condition, Fault) and one.condition.foreseeable:
        outcome = "caught" if one.caught() else "MISSED"
    else:
        outcome = "looked"
    print(f"{outcome} {one.condition.name} ({one.seconds:.1f} s): {', '.join(said) or 'nothing said'}")
    if outcome == "MISSED":
        for name, verdict in said.items():
            print(f"    {name}: {verdict.level}: {words(verdict)}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
