"""Create and destroy of instances, beside the original server's calls one after another."""

import uuid
from collections.abc import Sequence
from statistics import median

from benchmarks.bench_stack import BenchStack, open_bench_stack
from benchmarks.load_client import Answer, Request, require_success
from benchmarks.measurement import CallTrace, Goal, GroupOptions, GroupResult, Row, measure_rows, to_ms
from benchmarks.yardsticks import CALLS_OF_CREATE, CALLS_OF_DESTROY, make_cheap_call, measure_calls, run_sequences

TITLE = "Create and destroy"
TOOLS = ("openrouter", "agentmail", "telnyx")
CREATE_GOALS = {(3, 300): 0.50, (3, 50): 0.8, (3, 0): 8.0, (2, 50): 0.7}
"""The most that a create may take, in multiples of the original's calls, by tools and latency in ms."""
DESTROY_GOALS = {(3, 300): 0.70, (3, 50): 1.0}
AT_ONCE, AT_ONCE_TOOLS, AT_ONCE_LATENCY_MS, AT_ONCE_GOAL = 20, 2, 300, 1.3
ORIGINAL_OWN_MS = 20.0
"""What the original takes for a create with three tools if its providers answer at once, measured beside ours."""
WARM_UPS = 3


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group in a stack of its own."""
    with open_bench_stack() as bench:
        bench.stack.prewarm(_list_functions(bench))
        for _ in range(WARM_UPS):
            _create_and_destroy(bench, 3)
        rows: list[Row] = []
        for tools, latency_ms in CREATE_GOALS:
            rows += measure_rows(lambda t=tools, ms=latency_ms: _measure_one(bench, t, ms, options), options.factor)
        # Twenty creates use more processes than one does; the first twenty start them.
        _create_at_once(bench, 0)
        rows += measure_rows(lambda: [_measure_at_once(bench, options)], options.factor)
        bench.simulator.update_config({"latency_ms": 300})
        return GroupResult(rows, _trace_calls(bench, options.choose(3, 1)))


def _list_functions(bench: BenchStack) -> list[str]:
    tasks = [name for name, function in bench.stack.template.functions.items() if function.module.startswith("tasks.")]
    return [*tasks, *["ProvisionToolFunction", "DestroyToolFunction"] * 2,
            "CreateInstanceFunction", "DestroyInstanceFunction", "AuthorizerFunction"]  # fmt: skip


def _measure_one(bench: BenchStack, tools: int, latency_ms: int, options: GroupOptions) -> list[Row]:
    """Measure a create, and the destroy of what it created if that has a goal."""
    bench.simulator.update_config({"latency_ms": latency_ms})
    repetitions = options.choose(7, 2)
    answers = [_create_and_destroy(bench, tools) for _ in range(repetitions)]
    rows: list[Row] = []
    for name, goals, calls, number in (
        ("create", CREATE_GOALS, CALLS_OF_CREATE, 0), ("destroy", DESTROY_GOALS, CALLS_OF_DESTROY, 1),
    ):  # fmt: skip
        if (tools, latency_ms) in goals:
            sequence = measure_calls(
                bench.client, make_cheap_call(bench.simulator_url), calls[tools], options.choose(3, 1)
            )
            rows.append(
                Row(
                    f"{name}, {tools} tools, {latency_ms} ms",
                    f"{calls[tools]} calls one after another",
                    "ms",
                    to_ms([pair[number].seconds for pair in answers]),
                    to_ms(sequence),
                    _make_goal(goals[tools, latency_ms], latency_ms),
                )
            )
    return rows


def _make_goal(limit: float, latency_ms: int) -> Goal:
    """Limit the ratio to the calls alone; without latency these are nothing, and the original's own time counts."""
    if latency_ms:
        return Goal(limit)
    return Goal(limit * ORIGINAL_OWN_MS, "ours", f"{limit:g} x {ORIGINAL_OWN_MS:g} ms of the original")


def _measure_at_once(bench: BenchStack, options: GroupOptions) -> Row:
    repetitions = options.choose(3, 1)
    ours = [_create_at_once(bench, AT_ONCE_LATENCY_MS) for _ in range(repetitions)]
    calls = CALLS_OF_CREATE[AT_ONCE_TOOLS]
    sequence = [make_cheap_call(bench.simulator_url)] * calls
    yardstick = [bench.client.call(run_sequences, sequence, AT_ONCE) for _ in range(repetitions)]
    return Row(
        f"{AT_ONCE} creates at once, {AT_ONCE_TOOLS} tools, {AT_ONCE_LATENCY_MS} ms: the last one's end",
        f"{AT_ONCE} times {calls} calls one after another", "ms", to_ms(ours), to_ms(yardstick), Goal(AT_ONCE_GOAL),
    )  # fmt: skip


def _create_at_once(bench: BenchStack, latency_ms: int) -> float:
    """Create instances at the same moment and return the seconds until the last one's answer; then destroy them."""
    bench.simulator.update_config({"latency_ms": latency_ms})
    creates = [_make_create(bench, AT_ONCE_TOOLS) for _ in range(AT_ONCE)]
    answers = bench.client.send_at_once(*creates)
    require_success(answers)
    bench.simulator.update_config({"latency_ms": 0})
    require_success(bench.client.send_at_once(*(_make_destroy(bench, create) for create in creates)))
    bench.simulator.update_config({"latency_ms": latency_ms})
    return max(answer.seconds for answer in answers)


def _create_and_destroy(bench: BenchStack, tools: int) -> list[Answer]:
    create = _make_create(bench, tools)
    answers = bench.client.send(create, _make_destroy(bench, create))
    require_success(answers)
    return answers


def _make_create(bench: BenchStack, tools: int) -> Request:
    instance_id = f"bench-{uuid.uuid4().hex[:12]}"
    body = {"instanceId": instance_id, "name": f"convos-agent-{instance_id}", "tools": list(TOOLS[:tools])}
    return bench.request("POST", "/create-instance", body)


def _make_destroy(bench: BenchStack, create: Request) -> Request:
    assert isinstance(create.body, dict)
    return bench.request("DELETE", f"/destroy/{create.body['instanceId']}")


def _trace_calls(bench: BenchStack, repetitions: int) -> Sequence[CallTrace]:
    """Trace the calls of the create and the destroy whose time is the median."""
    traces: list[list[CallTrace]] = []
    for _ in range(repetitions):
        before = len(bench.simulator.list_calls())
        create, destroy = _create_and_destroy(bench, 3)
        entries = bench.simulator.list_calls(before)
        traces.append(
            [
                CallTrace(
                    f"{name}, 3 tools, 300 ms", answer.seconds,
                    [(entry.time - answer.started_at, entry.provider, entry.operation)
                     for entry in entries if 0 <= entry.time - answer.started_at <= answer.seconds],
                )
                for name, answer in (("Create", create), ("Destroy", destroy))
            ]
        )  # fmt: skip
    return [
        min(of_one, key=lambda trace: abs(trace.seconds - median(other.seconds for other in of_one)))
        for of_one in (list(kind) for kind in zip(*traces, strict=True))
    ]
