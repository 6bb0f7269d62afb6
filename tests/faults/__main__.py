"""`python -m tests.faults [--short] [--jobs N] [--only TEXT] [--out FILE]`: run the matrix, print it, and judge it."""

import argparse
import multiprocessing
import os
import queue
import signal
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from .drive import Outcome
from .plan import SCENARIOS, Call, Scenario, cases_of, short_form
from .table import details, good, tables, total
from .worker import worker_main

_SILENT_FOR = 300.0
"""Seconds without any outcome after which the run is given up: longer than any one case may take."""


def main() -> int:
    options = _options()
    began = time.monotonic()
    # As an interrupt does: the workers end with us in either case, and their stacks with them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = multiprocessing.get_context("spawn")
    work, done = context.Queue(), context.Queue()
    workers = [context.Process(target=worker_main, args=(work, done)) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    try:
        outcomes, not_run = _matrix(options, work, done, workers)
        for _ in workers:
            work.put(None)
        for worker in workers:
            worker.join(60)
    finally:
        for worker in workers:
            worker.terminate()
    summary = f"{total(outcomes)}, {not_run} not run ({time.monotonic() - began:.0f} s)"
    text = f"{tables(outcomes)}\n{details(outcomes)}\n{summary}\n"
    print(text)
    if options.out:
        path = Path(options.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# The fault matrix\n\n" + text, encoding="utf-8")
    return 0 if good(outcomes, not_run) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--short", action="store_true", help="one telling fault for each call")
    parser.add_argument("--jobs", type=int, default=max(1, min(4, 2 * (os.cpu_count() or 1))), help="stacks at once")
    parser.add_argument("--only", default="", help="only cases whose name holds this text")
    parser.add_argument("--minutes", type=float, default=0, help="begin no case after so long; 0 is no limit")
    parser.add_argument("--out", default="", help="where the table is written, too")
    return parser.parse_args()


def _matrix(options: argparse.Namespace, work: Any, done: Any, workers: list[Any]) -> tuple[list[Outcome], int]:
    began = time.monotonic()
    outcomes: list[Outcome] = []
    found: dict[str, list[Call]] = {}
    wanted = _scenarios(options.only)
    for scenario in wanted:
        work.put(("discover", scenario))
    for _ in wanted:
        name, calls, outcome = _take(done, workers)
        found[name] = calls
        outcomes.append(outcome)
    cases = [case for name, scenario in wanted.items() for case in cases_of(scenario, _new(found, name))]
    cases = short_form(cases) if options.short else cases
    cases = [case for case in cases if options.only in case.label]
    # In no order that means anything: a run that is cut short has seen something of everything.
    cases.sort(key=lambda case: zlib.crc32(case.label.encode()))
    waiting, running = list(reversed(cases)), 0
    while waiting or running:
        late = options.minutes and time.monotonic() - began > 60 * options.minutes
        while waiting and not late and running < len(workers):
            work.put(("run", waiting.pop()))
            running += 1
        if not running:
            break
        one: Outcome = _take(done, workers)
        running -= 1
        outcomes.append(one)
        _tell(one, len(cases) - len(waiting) - running, len(cases))
    # What a busy machine was too slow for has another chance, with nothing beside it.
    for number, one in enumerate(outcomes):
        if not one.reached and not one.bad:
            work.put(("run", one.case))
            outcomes[number] = _take(done, workers)
            _tell(outcomes[number], number, len(cases))
    return outcomes, len(waiting)


def _tell(one: Outcome, number: int, of: int) -> None:
    words = [word for word, bad in (("LEAK", one.leaks), ("WRONG", one.wrong), ("STUCK", one.stuck)) if bad]
    result = " ".join(words) or ("ok" if one.reached else "not reached")
    print(f"{number}/{of} {one.case.label}: {result} ({one.seconds:.1f} s)", flush=True)
    for line in [*one.leaks, *one.wrong, *one.stuck]:
        print(f"    {line}", flush=True)


def _scenarios(only: str) -> dict[str, Scenario]:
    """Those that cases of this text can be of, and the plain forms of their variations."""
    first, cross, _ = only.partition(" x ")
    names = [name for name in SCENARIOS if name == first] if cross else list(SCENARIOS)
    names = names or list(SCENARIOS)
    plain = {name.partition(",")[0] for name in names}
    return {name: scenario for name, scenario in SCENARIOS.items() if name in names or name in plain}


def _new(found: dict[str, list[Call]], name: str) -> list[Call]:
    """The calls of a scenario; of a variation only those that its plain form does not make."""
    plain = name.partition(",")[0]
    return [call for call in found[name] if plain == name or call not in found[plain]]


def _take(done: Any, workers: list[Any]) -> Any:
    deadline = time.monotonic() + _SILENT_FOR
    while True:
        try:
            result = done.get(timeout=1)
        except queue.Empty:
            if not all(worker.is_alive() for worker in workers) or time.monotonic() > deadline:
                raise RuntimeError("a worker of the matrix has died or hangs") from None
        else:
            if isinstance(result, str):
                raise RuntimeError(result)
            return result


if __name__ == "__main__":
    sys.exit(main())
