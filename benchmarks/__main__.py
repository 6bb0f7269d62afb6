"""`make bench`: all groups of measurements, each in a process and a stack of its own, as one report.

    python -m benchmarks [--short] [--write] [--only GROUP …] [--python .venv/lambda/bin/python]

Exits with 1 if a row misses its goal; the short form, at twice its goal.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.measurement import GroupOptions, GroupResult, Row
from benchmarks.report import format_report, replace_generated

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "performance.md"
GROUPS = (
    "create_destroy", "fleet_listing", "gateway_requests", "concurrent_prompts", "open_streams", "runner_memory",
    "cold_start", "growth",
)  # fmt: skip
"""The modules of the groups, in the order of the report."""
ONLY_IN_FULL = ("growth",)
"""Groups that the short form leaves out, unless they are named: CI has no time for them."""


def main() -> int:
    """Parse the command line and run the groups; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--short", action="store_true", help="fewer repetitions; fails at twice a goal")
    parser.add_argument("--write", action="store_true", help=f"write the report to {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with the packages of Lambda only")
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    options = GroupOptions(arguments.short, str(Path(arguments.python).absolute()))
    if arguments.result:
        result = import_module(f"benchmarks.{arguments.only[0]}").measure(options)
        arguments.result.write_text(json.dumps(result.to_json()))
        return 0
    if arguments.write and (arguments.short or arguments.only):
        parser.error("--write needs the full form of all groups")
    groups = arguments.only or [name for name in GROUPS if not (options.short and name in ONLY_IN_FULL)]
    return run_groups(groups, options, arguments.write)


def run_groups(names: Sequence[str], options: GroupOptions, write: bool) -> int:
    """Run groups one after another and print their report; return the exit code."""
    machine = describe_machine()
    results = [(str(import_module(f"benchmarks.{name}").TITLE), run_group(name, options)) for name in names]
    text = format_report(results, machine, options.factor)
    print(text)
    missed = [row.work for _, result in results for row in result.rows if not row.is_met(options.factor)]
    if write:
        document = replace_generated(DOCUMENT.read_text(), text, datetime.now(UTC).date())
        DOCUMENT.write_text(document)
    for work in missed:
        print(f"missed: {work}", file=sys.stderr)
    return 1 if missed else 0


def run_group(name: str, options: GroupOptions) -> GroupResult:
    """Run a group in a process of its own, since one process holds one stack. One that fails is a row that fails."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [
            sys.executable,
            "-m",
            "benchmarks",
            "--only",
            name,
            "--python",
            options.python,
            "--result",
            str(path),
        ]
        if subprocess.run([*command, *(["--short"] if options.short else [])], check=False).returncode:
            return GroupResult([Row(name, "", "", (), problem="the group could not be measured")])
        result = GroupResult.from_json(json.loads(path.read_text()))
    print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return result


if __name__ == "__main__":
    sys.exit(main())
