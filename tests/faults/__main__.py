"""`python -m tests.faults [--short] [--jobs N] [--only TEXT] [--out FILE]`: run the matrix and print its report."""

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

from .case_runner import Outcome
from .cases import SCENARIOS, Call, Scenario, build_cases, select_short_form
from .report import format_details, format_tables, format_total, has_passed
from .worker import worker_main

_STALL_TIMEOUT = 300.0
"""Seconds without any outcome after which the run is aborted: longer than any case may take."""


def main() -> int:
    options = _parse_arguments()
    started_at = time.monotonic()
    # As an interrupt does: the workers end with this process in either case, and their stacks with them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = multiprocessing.get_context("spawn")
    task_queue, result_queue = context.Queue(), context.Queue()
    workers = [context.Process(target=worker_main, args=(task_queue, result_queue)) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    try:
        outcomes, not_run = _run_matrix(options, task_queue, result_queue, workers)
        for _ in workers:
            task_queue.put(None)
        for worker in workers:
            worker.join(60)
    finally:
        for worker in workers:
            worker.terminate()
    summary = f"{format_total(outcomes)}, {not_run} not run ({time.monotonic() - started_at:.0f} s)"
    text = f"{format_tables(outcomes)}\n{format_details(outcomes)}\n{summary}\n"
    print(text)
    if options.out:
        path = Path(options.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# The fault matrix\n\n" + text, encoding="utf-8")
    return 0 if has_passed(outcomes, not_run) else 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--short", action="store_true", help="one fault for each call")
    parser.add_argument("--jobs", type=int, default=max(1, min(4, 2 * (os.cpu_count() or 1))), help="number of stacks")
    parser.add_argument("--only", default="", help="only cases whose label contains this text")
    parser.add_argument("--minutes", type=float, default=0, help="start no case after so many minutes; 0 is no limit")
    parser.add_argument("--out", default="", help="file that the table is written to")
    return parser.parse_args()


def _run_matrix(
    options: argparse.Namespace, task_queue: Any, result_queue: Any, workers: list[Any]
) -> tuple[list[Outcome], int]:
    started_at = time.monotonic()
    outcomes: list[Outcome] = []
    calls_by_scenario: dict[str, list[Call]] = {}
    scenarios = _select_scenarios(options.only)
    for scenario in scenarios:
        task_queue.put(("discover", scenario))
    for _ in scenarios:
        name, calls, outcome = _receive(result_queue, workers)
        calls_by_scenario[name] = calls
        outcomes.append(outcome)
    cases = [
        case
        for name, scenario in scenarios.items()
        for case in build_cases(scenario, _own_calls(calls_by_scenario, name))
    ]
    cases = select_short_form(cases) if options.short else cases
    cases = [case for case in cases if options.only in case.label]
    # In a fixed but arbitrary order: a run that is aborted has covered something of everything.
    cases.sort(key=lambda case: zlib.crc32(case.label.encode()))
    pending, running = list(reversed(cases)), 0
    while pending or running:
        is_over_time = options.minutes and time.monotonic() - started_at > 60 * options.minutes
        while pending and not is_over_time and running < len(workers):
            task_queue.put(("run", pending.pop()))
            running += 1
        if not running:
            break
        outcome: Outcome = _receive(result_queue, workers)
        running -= 1
        outcomes.append(outcome)
        _print_outcome(outcome, len(cases) - len(pending) - running, len(cases))
    # A case that a busy machine was too slow for runs once more, alone.
    for number, outcome in enumerate(outcomes):
        if not outcome.reached and not outcome.has_findings:
            task_queue.put(("run", outcome.case))
            outcomes[number] = _receive(result_queue, workers)
            _print_outcome(outcomes[number], number, len(cases))
    return outcomes, len(pending)


def _print_outcome(outcome: Outcome, number: int, total_cases: int) -> None:
    words = [
        word
        for word, bad in (
            ("LEAK", outcome.leaks),
            ("WRONG", outcome.wrong_answers),
            ("STUCK", outcome.stuck_operations),
        )
        if bad
    ]
    result = " ".join(words) or ("ok" if outcome.reached else "not reached")
    print(f"{number}/{total_cases} {outcome.case.label}: {result} ({outcome.seconds:.1f} s)", flush=True)
    for line in [*outcome.leaks, *outcome.wrong_answers, *outcome.stuck_operations]:
        print(f"    {line}", flush=True)


def _select_scenarios(text: str) -> dict[str, Scenario]:
    """Select the scenarios that cases of this label can belong to, and the plain forms of their variations."""
    first, cross, _ = text.partition(" x ")
    names = [name for name in SCENARIOS if name == first] if cross else list(SCENARIOS)
    names = names or list(SCENARIOS)
    plain = {name.partition(",")[0] for name in names}
    return {name: scenario for name, scenario in SCENARIOS.items() if name in names or name in plain}


def _own_calls(calls_by_scenario: dict[str, list[Call]], name: str) -> list[Call]:
    """Return a scenario's calls; of a variation only those that its plain form does not make."""
    plain = name.partition(",")[0]
    return [call for call in calls_by_scenario[name] if plain == name or call not in calls_by_scenario[plain]]


def _receive(result_queue: Any, workers: list[Any]) -> Any:
    deadline = time.monotonic() + _STALL_TIMEOUT
    while True:
        try:
            result = result_queue.get(timeout=1)
        except queue.Empty:
            if not all(worker.is_alive() for worker in workers) or time.monotonic() > deadline:
                raise RuntimeError("a worker of the matrix has exited or hangs") from None
        else:
            if isinstance(result, str):
                raise RuntimeError(result)
            return result


if __name__ == "__main__":
    sys.exit(main())
