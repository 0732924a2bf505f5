"""python -m tests.benchmarks [PART …]: parts one after the other, with how long each took; `QUICK=1` for a sample."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from pathlib import Path

PARTS = ("calibration", "decisions", "chain", "desk")
FOLDER = Path(__file__).parents[2] / "docs" / "measured"


def main(wanted: list[str]) -> int:
    """Run the parts that are there; 1 if one of them failed, 2 for an unknown name."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"there is no part {unknown[0]!r}\n  expected: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    quick = os.environ.get("QUICK", "") not in ("", "0")
    folder = FOLDER if not quick else FOLDER.parents[1] / ".sop" / "measured"
    failed = []
    for name in wanted or PARTS:
        began = time.monotonic()
        print(f"{name}{' (quick)' if quick else ''} …", flush=True)
        try:
            part = import_module(f"tests.benchmarks.{name}")
            report = part.measure(quick, lambda text: print(f"  {text}", flush=True))
        except ModuleNotFoundError as error:
            if error.name != f"tests.benchmarks.{name}":
                raise
            print("  not there yet")
            continue
        except AssertionError as error:
            failed.append(name)
            print(f"  failed: {error}", file=sys.stderr)
            continue
        for path in report.write(folder, name):
            print(f"  wrote {os.path.relpath(path)}")
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    # before numpy is imported: two processes on two cores leave no core for threads
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    sys.exit(main(sys.argv[1:]))
