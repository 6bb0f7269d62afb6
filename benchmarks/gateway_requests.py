"""Warm requests on this machine, beside a function that does nothing behind the same gateway."""

from benchmarks.bench_stack import BARE_FUNCTION, BARE_PATH, BenchStack, open_bench_stack
from benchmarks.load_client import Request, require_success
from benchmarks.measurement import Goal, GroupOptions, GroupResult, Row, compute_p99, measure_rows, to_ms

TITLE = "Requests through the local gateway"
BARE = "a bare function, one request at a time"
AT_ONCE, AT_ONCE_P99_GOAL_MS = 200, 500.0
HEALTHZ_GOAL, OPERATION_GOAL = 2.5, 4.0
"""A warm request, in multiples of one to the bare function."""
WARM_UPS = 20


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group in a stack of its own."""
    with open_bench_stack() as bench:
        bench.stack.prewarm([BARE_FUNCTION, "HealthzFunction", "GetOperationFunction", "AuthorizerFunction"])
        with bench.connect_database() as database:
            database.execute(
                "INSERT INTO operations (id, instance_id, kind, status, request)"
                " VALUES ('op-bench', 'bench', 'create', 'succeeded', '{\"name\": \"bench\", \"tools\": []}')"
            )
        rows = measure_rows(lambda: _measure_one_at_a_time(bench, options), options.factor)
        rows += measure_rows(lambda: [_measure_at_once(bench, options)], options.factor)
        return GroupResult(rows)


def measure_bare_requests(bench: BenchStack, times: int) -> list[float]:
    """Return the seconds of each of so many requests to the bare function, one at a time."""
    return _measure_sequence(bench, Request("GET", bench.stack.url + BARE_PATH), times)


def _measure_one_at_a_time(bench: BenchStack, options: GroupOptions) -> list[Row]:
    times = options.choose(300, 100)
    bare = to_ms(measure_bare_requests(bench, times))
    healthz = _measure_sequence(bench, Request("GET", f"{bench.stack.url}/healthz"), times)
    operation = _measure_sequence(bench, bench.request("GET", "/operations/op-bench"), times)
    return [
        Row("GET /healthz, warm", BARE, "ms", to_ms(healthz), bare, Goal(HEALTHZ_GOAL)),
        Row("GET /operations/{id}, warm: authorizer and database", BARE, "ms", to_ms(operation), bare,
            Goal(OPERATION_GOAL)),
    ]  # fmt: skip


def _measure_at_once(bench: BenchStack, options: GroupOptions) -> Row:
    bare = to_ms(measure_bare_requests(bench, options.choose(100, 50)))
    p99 = [_measure_p99_at_once(bench) for _ in range(options.choose(5, 3))]
    return Row(
        f"{AT_ONCE} requests of GET /healthz at once: p99",
        BARE,
        "ms",
        to_ms(p99),
        bare,
        Goal(AT_ONCE_P99_GOAL_MS, "ours"),
    )


def _measure_p99_at_once(bench: BenchStack) -> float:
    answers = bench.client.send_at_once(*[Request("GET", f"{bench.stack.url}/healthz")] * AT_ONCE)
    require_success(answers)
    return compute_p99([answer.seconds for answer in answers])


def _measure_sequence(bench: BenchStack, request: Request, times: int) -> list[float]:
    answers = bench.client.send(*[request] * (WARM_UPS + times))
    require_success(answers)
    return [answer.seconds for answer in answers[WARM_UPS:]]
