"""Many concurrent prompts, each with its own client: whether all complete, and after what time their streams start.

The simulated model takes one second per response. Each prompt has a different answer, so a mix-up shows, and fails the
row. All prompts are submitted several times, since the first request of a process costs more, on Lambda too.
"""

import asyncio
import json
import time
from dataclasses import dataclass

import aiohttp

from benchmarks.bench_stack import BARE_FUNCTION, BenchStack, open_bench_stack
from benchmarks.gateway_requests import BARE, measure_bare_requests
from benchmarks.load_client import open_session
from benchmarks.measurement import Goal, GroupOptions, GroupResult, Row, compute_p99, measure_rows, to_ms
from local.simulator.client import SimulatorClient

TITLE = "Prompts at once"
PROMPTS = 200
MODEL_SECONDS, SHORT_MODEL_SECONDS = 1.0, 0.3
"""What the model takes for a response, in the full and in the short form."""
FUNCTIONS = 10
"""Most processes of each function that does not stream."""
CREATED_P99_GOAL_MS = 1_500.0
STREAM_FUNCTION, ADVANCE_FUNCTION = "PromptStreamFunction", "AdvancePromptFunction"
EXPECTED_EVENTS = ["prompt.created", "prompt.output", "prompt.completed"]


@dataclass(frozen=True)
class PromptResult:
    """The result of one client: the seconds to the first event and to the end, and the problem, if any."""

    seconds_to_created: float
    seconds_to_end: float
    problem: str | None


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group in a stack of its own."""
    latency = SHORT_MODEL_SECONDS if options.short else MODEL_SECONDS
    with open_bench_stack(FUNCTIONS, PROMPTS) as bench:
        bench.stack.prewarm(list_prompt_functions(PROMPTS))
        bare = to_ms(measure_bare_requests(bench, options.choose(100, 50)))
        rows = _measure_runs(bench, bare, latency, 1, "the first in their process", None)
        goal = Goal(CREATED_P99_GOAL_MS, "ours")
        repetitions = options.choose(3, 1)
        rows += measure_rows(
            lambda: _measure_runs(bench, bare, latency, repetitions, "in warm processes", goal), options.factor
        )
        return GroupResult(rows)


def list_prompt_functions(streams: int) -> list[str]:
    """List the functions of a prompt for `Stack.prewarm`, with so many processes for streams."""
    names = [STREAM_FUNCTION] * streams + [ADVANCE_FUNCTION] * FUNCTIONS
    return [*names, "AgentAuthorizerFunction", BARE_FUNCTION]


def _measure_runs(
    bench: BenchStack, bare: list[float], latency: float, repetitions: int, which: str, goal: Goal | None
) -> list[Row]:
    """Submit all prompts at the same moment, several times.

    Args:
        bench: The stack.
        bare: Milliseconds of requests to the bare function.
        latency: Seconds that the model takes.
        repetitions: How often.
        which: What the rows say about the streams' processes.
        goal: Of the time to `prompt.created`.
    """
    runs: list[list[PromptResult]] = []
    for _ in range(repetitions):
        run = f"run {time.monotonic_ns()}"
        script_answers(bench.simulator, PROMPTS, latency, run)
        runs.append(bench.client.call(run_submissions, bench.stack.url, PROMPTS, run))
        bench.simulator.clear_scripts()
    created = [compute_p99([result.seconds_to_created for result in run]) for run in runs]
    ended = [compute_p99([result.seconds_to_end for result in run]) for run in runs]
    problems = [result.problem for run in runs for result in run if result.problem]
    problem = f"{len(problems)} prompts were wrong, such as: {problems[0]}" if problems else None
    completed = PROMPTS * repetitions - len(problems)
    return [
        Row(f"{PROMPTS} prompts at once, {which}: submit to `prompt.created`, p99", BARE, "ms", to_ms(created), bare,
            goal, problem=problem),
        Row(f"{PROMPTS} prompts at once, {which}: the whole prompt, p99", "the model's answer alone", "ms",
            to_ms(ended), to_ms([latency]), note=f"{completed} completed with their own answer", problem=problem),
    ]  # fmt: skip


def make_question(number: int, run: str) -> str:
    """Make the input of a prompt."""
    return f"Question {number} of {run}."


def make_answer(number: int, run: str) -> str:
    """Make the model's answer to a prompt."""
    return f"Answer {number} of {run}."


def script_answers(simulator: SimulatorClient, prompts: int, latency: float, run: str) -> None:
    """Script the model's answer to each prompt; `latency` is in seconds."""
    for number in range(prompts):
        turn = {"text": make_answer(number, run), "latency_s": latency}
        simulator.script_model(turn, match=make_question(number, run))


async def submit_and_read(
    session: aiohttp.ClientSession, url: str, user_id: str, question: str, answer: str
) -> PromptResult:
    """Submit a prompt and read its stream to the end.

    Args:
        session: Sends the request.
        url: Base URL of the gateway.
        user_id: Whose prompt it is.
        question: The prompt's input.
        answer: What the model has to answer.
    """
    started_at, seconds_to_created = time.perf_counter(), 0.0
    events, content = list[str](), ""
    headers = {"X-User-Id": user_id}
    async with session.post(f"{url}/api/prompt", json={"input": question}, headers=headers) as response:
        if response.status != 200:
            return PromptResult(0, 0, f"{response.status} {(await response.text())[:200]}")
        async for raw in response.content:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                events.append(line.removeprefix("event: "))
                seconds_to_created = seconds_to_created or time.perf_counter() - started_at
            elif line.startswith("data: ") and events[-1] == "prompt.output":
                content += json.loads(line.removeprefix("data: "))["content"]
    is_correct = events == EXPECTED_EVENTS and content == answer
    return PromptResult(
        seconds_to_created, time.perf_counter() - started_at, None if is_correct else f"{events} {content!r}"
    )


async def submit_all(url: str, prompts: int, run: str) -> list[PromptResult]:
    """Submit all prompts at the same moment."""
    async with open_session() as session:
        reads = (
            submit_and_read(session, url, f"user-{number}", make_question(number, run), make_answer(number, run))
            for number in range(prompts)
        )
        return list(await asyncio.gather(*reads))


def run_submissions(url: str, prompts: int, run: str) -> list[PromptResult]:
    """Submit all prompts at the same moment, from synchronous code."""
    return asyncio.run(submit_all(url, prompts, run))
