"""Many concurrent prompts, each with its own client: whether all complete, and after what time their streams start.

It starts its own stack, with a simulated model that takes one second per response. Each prompt has a different answer,
so a mix-up shows. Measured is the time from the request to `prompt.created`, as a ratio to GET /healthz in the same
run. All prompts are submitted twice, since the first request of a process costs more, on Lambda too.

    python -m benchmarks.concurrent_prompts [--prompts 200] [--latency 1.0] [--functions 10]

Exits with 1 if a prompt did not complete with its own answer.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from statistics import median, quantiles

import httpx

from local.console import Console
from local.settings import Settings
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack

STREAM_FUNCTION = "PromptStreamFunction"
EXPECTED_EVENTS = ["prompt.created", "prompt.output", "prompt.completed"]


@dataclass(frozen=True)
class PromptResult:
    """The result of one client: the seconds to the first event and to the end, and the problem, if any."""

    seconds_to_created: float
    seconds_to_end: float
    problem: str | None


def make_question(number: int, run: str) -> str:
    return f"Question {number} of {run}."


def make_answer(number: int, run: str) -> str:
    return f"Answer {number} of {run}."


def script_answers(simulator: SimulatorClient, prompts: int, latency: float, run: str) -> None:
    """Script the model's answer to each prompt; `latency` is in seconds."""
    for number in range(prompts):
        turn = {"text": make_answer(number, run), "latency_s": latency}
        simulator.script_model(turn, match=make_question(number, run))


async def submit_and_read(client: httpx.AsyncClient, number: int, run: str) -> PromptResult:
    """Submit a prompt and read its stream to the end."""
    started_at, seconds_to_created = time.perf_counter(), 0.0
    events, content = list[str](), ""
    body = {"input": make_question(number, run)}
    async with client.stream("POST", "/api/prompt", json=body, headers={"X-User-Id": f"user-{number}"}) as response:
        if response.status_code != 200:
            return PromptResult(0, 0, f"{response.status_code} {(await response.aread()).decode()[:200]}")
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                events.append(line.removeprefix("event: "))
                seconds_to_created = seconds_to_created or time.perf_counter() - started_at
            elif line.startswith("data: ") and events[-1] == "prompt.output":
                content += json.loads(line.removeprefix("data: "))["content"]
    is_correct = events == EXPECTED_EVENTS and content == make_answer(number, run)
    return PromptResult(
        seconds_to_created, time.perf_counter() - started_at, None if is_correct else f"{events} {content!r}"
    )


async def submit_all(url: str, prompts: int, run: str) -> list[PromptResult]:
    """Submit all prompts at the same moment."""
    async with _open_client(url) as client:
        return list(await asyncio.gather(*(submit_and_read(client, number, run) for number in range(prompts))))


async def measure_healthz(url: str, times: int, at_once: bool) -> list[float]:
    """Return the seconds of each call of GET /healthz."""

    async def measure_once(get: Callable[[str], Awaitable[httpx.Response]]) -> float:
        started_at = time.perf_counter()
        (await get("/healthz")).raise_for_status()
        return time.perf_counter() - started_at

    async with _open_client(url) as client:
        if at_once:
            return list(await asyncio.gather(*(measure_once(client.get) for _ in range(times))))
        return [await measure_once(client.get) for _ in range(times)]


def _open_client(url: str) -> httpx.AsyncClient:
    # No TLS: loading the CA certificates would be measured too.
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=url, timeout=120, limits=limits, trust_env=False, verify=False)  # noqa: S501


def _measure_healthz(url: str, times: int, at_once: bool) -> list[float]:
    return asyncio.run(measure_healthz(url, times, at_once))


def _submit_all(url: str, prompts: int, run: str) -> list[PromptResult]:
    return asyncio.run(submit_all(url, prompts, run))


def format_table(rows: dict[str, list[float]]) -> str:
    """Format a table of seconds in Markdown; the first row is the baseline."""
    lines = ["| | p50 | p99 | p50 / baseline |", "|---|---:|---:|---:|"]
    baseline = median(next(iter(rows.values())))
    for name, seconds in rows.items():
        p99 = quantiles(seconds, n=100)[98]
        lines.append(f"| {name} | {median(seconds) * 1000:.1f} ms | {p99 * 1000:.1f} ms "
                     f"| {median(seconds) / baseline:.1f} |")  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds that the model takes for a response")
    parser.add_argument(
        "--functions", type=int, default=10, help="maximum of processes per function, except for the stream"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        environment = {"PATH": os.environ["PATH"]}
        settings = replace(
            Settings.load(environ={**environment, "POINTSMAN_DATA": data}),
            port=0, environment=environment, database_url=None, schedules=False, concurrency=options.functions,
            stream_concurrency=max(options.prompts, 1),
        )  # fmt: skip
        # The clients have their own process, since this one runs the gateway.
        context = multiprocessing.get_context("spawn")
        with Stack(settings, Console(quiet=True)) as stack, ProcessPoolExecutor(1, context) as clients:
            assert stack.simulator_url is not None
            print(f"starting {options.prompts} streaming processes", file=sys.stderr)
            stack.prewarm([STREAM_FUNCTION] * options.prompts + ["AdvancePromptFunction"] * options.functions)
            stack.prewarm(["AgentAuthorizerFunction", "AuthorizerFunction", "HealthzFunction"])
            rows: dict[str, list[float]] = {}
            clients.submit(_measure_healthz, stack.url, 10, False).result()
            rows["GET /healthz, one at a time"] = clients.submit(_measure_healthz, stack.url, 100, False).result()
            rows[f"GET /healthz, {options.prompts} at once"] = clients.submit(
                _measure_healthz, stack.url, options.prompts, True
            ).result()
            results: list[PromptResult] = []
            with SimulatorClient(stack.simulator_url) as simulator:
                for run in ("first in their process", "in warm processes"):
                    script_answers(simulator, options.prompts, options.latency, run)
                    run_results = clients.submit(_submit_all, stack.url, options.prompts, run).result()
                    rows[f"prompt.created, {options.prompts} at once, {run}"] = [
                        result.seconds_to_created for result in run_results
                    ]
                    rows[f"the whole prompt, {run}"] = [result.seconds_to_end for result in run_results]
                    results += run_results
    problems = [result.problem for result in results if result.problem]
    completed = len(results) - len(problems)
    print(f"{completed} of {len(results)} prompts completed with their own answer\n\n{format_table(rows)}")
    for problem in problems[:10]:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
