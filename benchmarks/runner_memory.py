"""The memory of the local runner: idle, after many prompts, and whether it grows with their number."""

import asyncio
import gc
import os
import time

from benchmarks.bench_stack import BenchStack, open_bench_stack
from benchmarks.concurrent_prompts import submit_and_read
from benchmarks.load_client import open_session
from benchmarks.machine import read_rss
from benchmarks.measurement import Goal, GroupOptions, GroupResult, Row, measure_rows

TITLE = "Memory of the local runner"
CLIENTS = 8
IDLE_GOAL_MB, BUSY_GOAL_MB = 400.0, 600.0
GROWTH_GOAL_MB = 5.0
"""The most that the runner's own process may grow by in 1,000 prompts."""
SETTLE_SECONDS = 2.0


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group in a stack of its own."""
    with open_bench_stack() as bench:
        rows = [_measure_stack(bench, "the idle stack", IDLE_GOAL_MB)]
        each = options.choose(100, 25)
        seconds = _submit(bench, each)
        # Idle processes are looked for twice in that time.
        time.sleep(bench.stack.settings.idle_timeout * 1.6)
        name = f"the stack after {CLIENTS} clients with {each} prompts each, once idle processes have ended"
        rows.append(_measure_stack(bench, name, BUSY_GOAL_MB))
        more = options.choose(5_000, 200)

        def measure_growth() -> list[Row]:
            before = _read_settled_rss()
            _submit(bench, more // CLIENTS)
            growth = (_read_settled_rss() - before) * 1000 / more
            return [
                Row(f"the runner's process over {more:,} more prompts: growth per 1,000 (RSS)",
                    "", "MB", [growth], (), Goal(GROWTH_GOAL_MB, "ours"))
            ]  # fmt: skip

        rows += measure_rows(measure_growth, options.factor)
        rate = CLIENTS * each / seconds
        rows.append(Row(f"prompts of {CLIENTS} clients, one after another each", "", "prompts/s", [rate]))
        return GroupResult(rows)


def _measure_stack(bench: BenchStack, name: str, goal: float) -> Row:
    gc.collect()
    time.sleep(SETTLE_SECONDS)
    memory = bench.measure_memory()
    note = f"RSS {memory.rss:,.0f} MB, {memory.processes} processes"
    return Row(f"{name} (PSS)", "", "MB", [memory.pss], (), Goal(goal, "ours"), note)


def _read_settled_rss() -> float:
    gc.collect()
    time.sleep(SETTLE_SECONDS)
    return read_rss(os.getpid())


def _submit(bench: BenchStack, each: int) -> float:
    """Let each client submit so many prompts, one after another; returns the seconds until all have ended."""
    run = f"run {time.monotonic_ns()}"
    bench.simulator.script_model({"text": f"Answer of {run}."}, match=run)
    start = time.perf_counter()
    problems = bench.client.call(run_clients, bench.stack.url, each, run)
    if problems:
        raise SystemExit(f"{len(problems)} prompts were wrong, such as: {problems[0]}")
    return time.perf_counter() - start


def run_clients(url: str, each: int, run: str) -> list[str]:
    """Run the clients of `_submit`; returns the problems of their prompts."""

    async def run_all() -> list[str]:
        async with open_session() as session:

            async def run_one(client: int) -> list[str]:
                results = [
                    await submit_and_read(
                        session, url, f"client-{client}", f"Question {number} of {run}", f"Answer of {run}."
                    )
                    for number in range(each)
                ]
                return [result.problem for result in results if result.problem]

            return [problem for found in await asyncio.gather(*map(run_one, range(CLIENTS))) for problem in found]

    return asyncio.run(run_all())
