"""How times grow with the fleet and the database: steps of 10 to 10,000 services, instances, prompts, and events.

A row compares the largest step with the smallest. What a caller waits for must not grow with what is stored; what reads
the whole fleet may, and has no goal. Providers have no latency.
"""

import time
from collections.abc import Callable
from statistics import median

from benchmarks.bench_stack import BenchStack, open_bench_stack
from benchmarks.load_client import Request, require_success
from benchmarks.measurement import Goal, GroupOptions, GroupResult, Row, measure_rows
from benchmarks.table import format_number

TITLE = "Growth"
SIZES, SHORT_SIZES = (10, 100, 1_000, 10_000), (10, 1_000)
CONSTANT_GOAL = 3.0
"""What must not grow may take this multiple of its time with the smallest step."""
SNAPSHOT_AGE_SECONDS = 600
LONG_PROMPT = f"prompt-{1:032x}"
"""The prompt with as many events as the step's size, besides those that every prompt has."""
EVENTS_OF_EACH = 20
FUNCTIONS = (
    "AuthorizerFunction", "AgentAuthorizerFunction", "StatusBatchFunction", "StatusPollerFunction",
    "ReconcilerFunction",
    "PromptStreamFunction", "AdvancePromptFunction", "ClosePromptFunction", "GetOperationFunction",
)  # fmt: skip


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group in a stack of its own."""
    sizes = SHORT_SIZES if options.short else SIZES
    repetitions = options.choose(9, 5)
    with open_bench_stack() as bench:
        bench.stack.prewarm(FUNCTIONS)

        def measure_steps() -> list[Row]:
            return make_rows(sizes, [_measure_step(bench, size, repetitions) for size in sizes])

        return GroupResult(measure_rows(measure_steps, options.factor))


def make_rows(sizes: tuple[int, ...], steps: list[dict[str, tuple[list[float], float | None]]]) -> list[Row]:
    """Make a row of each work: the largest step beside the smallest, those between in the note.

    Args:
        sizes: Of the steps, ascending.
        steps: For each step the milliseconds of each work, with its goal.
    """
    rows: list[Row] = []
    for work, (largest, goal) in steps[-1].items():
        between = [
            f"{size:,}: {format_number(median(step[work][0]))} ms"
            for size, step in zip(sizes[1:-1], steps[1:-1], strict=True)
        ]
        limit = None if goal is None else Goal(goal)
        smallest = steps[0][work][0]
        rows.append(
            Row(f"{work}, {sizes[-1]:,}", f"with {sizes[0]:,}", "ms", largest, smallest, limit, ", ".join(between))
        )
    return rows


def _measure_step(bench: BenchStack, size: int, repetitions: int) -> dict[str, tuple[list[float], float | None]]:
    _fill(bench, size)
    gateway, live = bench.stack.url, bench.request("POST", "/status/batch", {})
    snapshot = bench.request("POST", "/status/batch", {"maxAgeSeconds": SNAPSHOT_AGE_SECONDS})
    one_id = {"maxAgeSeconds": SNAPSHOT_AGE_SECONDS, "instanceIds": ["00005"]}
    submit = Request("POST", f"{gateway}/api/prompt", {"X-User-Id": "user-growth"}, {"input": "Hello"})
    headers = {"X-User-Id": "user-1", "Last-Event-ID": str(EVENTS_OF_EACH + size)}
    resume = Request("GET", f"{gateway}/api/prompts/{LONG_PROMPT}/stream", headers)
    operation = bench.request("GET", "/operations/op-00005")

    def send(request: Request) -> list[float]:
        answers = bench.client.send(*[request] * (1 + repetitions))[1:]
        require_success(answers)
        if "/api/prompt" in request.url and not all("event: prompt.completed" in answer.body for answer in answers):
            raise SystemExit(f"a prompt was not completed: {answers[-1].body[-300:]}")
        return [answer.seconds * 1000 for answer in answers]

    def fire(function: str) -> list[float]:
        return _time(lambda: _fire(bench, function), min(repetitions, 3))

    return {
        "status/batch, all services, instances": (send(live), None),
        "status/batch from a snapshot, all services, instances": (send(snapshot), None),
        "status/batch from a snapshot, one id, instances": (
            send(bench.request("POST", "/status/batch", one_id)), CONSTANT_GOAL,
        ),
        "status poller, instances": (fire("StatusPollerFunction"), None),
        "reconciler with its orphan sweep, instances": (fire("ReconcilerFunction"), None),
        "GET /operations/{id}, operations": (send(operation), CONSTANT_GOAL),
        "a whole prompt, prompts": (send(submit), CONSTANT_GOAL),
        "a stream resumed at the last event, events": (send(resume), CONSTANT_GOAL),
    }  # fmt: skip


def _time(call: Callable[[], None], times: int) -> list[float]:
    """Return the milliseconds of each call."""
    values: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        values.append((time.perf_counter() - start) * 1000)
    return values


def _fire(bench: BenchStack, function: str) -> None:
    result = bench.stack.fire_schedule(function)
    if result.error is not None:
        raise SystemExit(f"{function} failed: {result.error_message[:300]}")


def _fill(bench: BenchStack, size: int) -> None:
    """Replace what the last step left by so many services with instances, prompts, and events of one prompt."""
    bench.simulator.reset()
    services = bench.simulator.seed_services(size)
    with bench.connect_database() as database:
        for table in ("fleet_listings", "instance_infra", "operation_resources", "operations", "prompts"):
            if database.execute("SELECT to_regclass(%s)", (table,)).fetchone() != (None,):
                database.execute(f"DELETE FROM {table}")  # type: ignore[arg-type] # noqa: S608 - names of our own
        database.execute(
            "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, created_at, updated_at)"
            " SELECT lpad(n::text, 5, '0'), s, 'sim-environment', now() - interval '1 hour', now() - interval '1 hour'"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS t (s, n)",
            (services,),
        )
        database.execute(
            "INSERT INTO operations (id, instance_id, kind, status, request, result, created_at, updated_at)"
            " SELECT 'op-' || instance_id, instance_id, 'create', 'succeeded',"
            " json_build_object('name', 'convos-agent-' || instance_id, 'tools', '[]'::json),"
            " json_build_object('serviceId', provider_service_id), created_at, updated_at FROM instance_infra"
        )
        database.execute(
            "INSERT INTO operation_resources"
            " (operation_id, instance_id, provider, kind, plan, state, resource_id, attempted_at)"
            " SELECT 'op-' || instance_id, instance_id, 'railway', kind, '{}', 'created',"
            " CASE kind WHEN 'service' THEN '' ELSE left(kind, 1) END || provider_service_id, created_at"
            " FROM instance_infra, unnest(ARRAY['service', 'volume', 'domain']) AS kind"
        )
        database.execute(
            "INSERT INTO prompts (id, user_id, input, status, created_at, updated_at)"
            " SELECT 'prompt-' || lpad(to_hex(n), 32, '0'), 'user-' || n, 'x', 'completed',"
            " now() - interval '1 day', now() - interval '1 day' FROM generate_series(1, %s) AS n",
            (size,),
        )
        database.execute(
            "INSERT INTO prompt_events (prompt_id, seq, event, data)"
            " SELECT id, n, 'prompt.output', '{\"content\": \"x\"}' FROM prompts, generate_series(1, %s) AS n",
            (EVENTS_OF_EACH,),
        )
        database.execute(
            "INSERT INTO prompt_events (prompt_id, seq, event, data)"
            " SELECT %s, %s + n, CASE n WHEN %s + 1 THEN 'prompt.completed' ELSE 'prompt.output' END,"
            ' \'{"content": "x"}\' FROM generate_series(1, %s + 1) AS n',
            (LONG_PROMPT, EVENTS_OF_EACH, size, size),
        )
        database.execute("VACUUM ANALYZE")
