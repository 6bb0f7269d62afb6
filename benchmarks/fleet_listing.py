"""Reading a fleet's status at Railway: the batch endpoint and the status poller, beside the pages alone."""

import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.bench_stack import BenchStack, open_bench_stack
from benchmarks.load_client import Request, require_success
from benchmarks.machine import read_peak_rss
from benchmarks.measurement import Goal, GroupOptions, GroupResult, Row, measure_rows, to_ms
from benchmarks.yardsticks import run_sequences
from local.simulator.engine.call_log import CallEntry

TITLE = "The fleet's status"
LATENCY_MS = 300
ONE_PAGE, SEVERAL_PAGES = 500, 2_500
ONE_PAGE_GOAL = 1.1
BEYOND_PAGES = 0.3
"""How many pages more a listing of several pages may take than its pages alone."""
SNAPSHOT_GOAL = 0.1
SNAPSHOT_AGE_SECONDS = 600
SMALL_FLEET, LARGE_FLEET = 1_000, 10_000
MEMORY_GOAL = 2.0
"""The peak of a process with the large fleet, in multiples of its peak with the small one."""
PATH = "/status/batch"
BATCH_FUNCTION, POLLER_FUNCTION = "StatusBatchFunction", "StatusPollerFunction"


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group in a stack of its own."""
    with open_bench_stack() as bench:
        bench.stack.prewarm([BATCH_FUNCTION, POLLER_FUNCTION, "AuthorizerFunction"])
        rows = _measure_large_fleet(bench, options)
        for services in (ONE_PAGE, SEVERAL_PAGES):
            _seed(bench, services, LATENCY_MS)
            rows += measure_rows(lambda n=services: [_measure_listing(bench, n, options)], options.factor)
        rows += measure_rows(lambda: [_measure_snapshot(bench, options)], options.factor)
        return GroupResult(rows)


def _seed(bench: BenchStack, services: int, latency_ms: int) -> None:
    """Replace the fleet at Railway and in the database, and read it once so that everything is warm."""
    bench.simulator.reset({"latency_ms": latency_ms})
    ids = bench.simulator.seed_services(services)
    with bench.connect_database() as database:
        # The last listing is that of another fleet.
        database.execute("DELETE FROM listed_services")
        database.execute("DELETE FROM fleet_listings")
        database.execute("DELETE FROM instance_infra")
        database.execute(
            "INSERT INTO instance_infra"
            " (instance_id, provider_service_id, provider_env_id, deploy_status, created_at, updated_at)"
            " SELECT 'i-' || service_id, service_id, 'sim-environment', 'DEPLOYING', now() - interval '1 hour',"
            " now() - interval '1 hour' FROM unnest(%s::text[]) AS t (service_id)",
            (ids,),
        )
    _read_batch(bench, services)
    # The first snapshot is read live and stored. Then what autovacuum does within a minute.
    bench.client.send(bench.request("POST", PATH, {"maxAgeSeconds": SNAPSHOT_AGE_SECONDS}))
    with bench.connect_database() as database:
        database.execute("VACUUM ANALYZE")


def _measure_listing(bench: BenchStack, services: int, options: GroupOptions) -> Row:
    repetitions = options.choose(5, 2)
    before = len(bench.simulator.list_calls())
    ours = [_read_batch(bench, services) for _ in range(repetitions)]
    calls = bench.simulator.list_calls(before)
    pages = len(calls) // repetitions
    yardstick = _measure_pages(bench, calls[:pages], repetitions)
    name, work = (
        f"{pages} page{'s' if pages > 1 else ''} alone",
        f"status/batch, {services:,} services, {LATENCY_MS} ms",
    )
    if services <= ONE_PAGE:
        return Row(work, name, "ms", to_ms(ours), to_ms(yardstick), Goal(ONE_PAGE_GOAL))
    goal = Goal(1 + BEYOND_PAGES / pages, derivation=f"({pages} + {BEYOND_PAGES}) / {pages} pages")
    return Row(work, name, "ms", to_ms(ours), to_ms(yardstick), goal)


def _measure_snapshot(bench: BenchStack, options: GroupOptions) -> Row:
    """Measure a batch that may be answered from what was read before: without any call."""
    repetitions = options.choose(9, 5)
    request = bench.request("POST", PATH, {"maxAgeSeconds": SNAPSHOT_AGE_SECONDS})
    answers = bench.client.send(request)
    before = len(bench.simulator.list_calls())
    answers = bench.client.send(*[request] * repetitions)
    calls = bench.simulator.list_calls(before)
    refused = [answer for answer in answers if answer.status != 200]
    problem = f"the answer is {refused[0].status}" if refused else f"it made {len(calls)} calls" if calls else None
    counts = {len(answer.body["services"]) for answer in answers if answer.status == 200}
    if problem is None and counts != {SEVERAL_PAGES}:
        problem = f"it has {sorted(counts)} services"
    yardstick = bench.client.call(run_sequences, [_make_page_call(bench, _list_pages(bench)[0])], 1)
    goal = Goal(SNAPSHOT_GOAL * LATENCY_MS, "ours", f"{SNAPSHOT_GOAL} latencies")
    return Row(
        f"status/batch, {SEVERAL_PAGES:,} services, {LATENCY_MS} ms, from a snapshot", "1 page alone", "ms",
        [] if problem else to_ms([answer.seconds for answer in answers]), to_ms([yardstick]), goal, problem=problem,
    )  # fmt: skip


def _measure_large_fleet(bench: BenchStack, options: GroupOptions) -> list[Row]:
    """Measure time and memory of a large fleet, without latency; memory beside that of a small fleet."""

    def run_batch(services: int) -> float:
        return _read_batch(bench, services)

    def run_poller(services: int) -> float:
        return _run_poller(bench, services)

    rows: list[Row] = []
    runs: tuple[tuple[str, str, Callable[[int], float]], ...] = (
        ("status/batch", BATCH_FUNCTION, run_batch), ("status poller", POLLER_FUNCTION, run_poller),
    )  # fmt: skip
    repetitions = options.choose(3, 2)
    peaks: dict[str, list[float]] = {function: [] for _, function, _ in runs}
    seconds: dict[str, list[float]] = {}
    for services in (SMALL_FLEET, LARGE_FLEET):
        _seed(bench, services, 0)
        for _, function, run in runs:
            seconds[function] = [run(services) for _ in range(repetitions)]
            peaks[function].append(max(read_peak_rss(pid) for pid in bench.find_worker_pids(function)))
    pages = _measure_pages(bench, _list_pages(bench), repetitions)
    for name, function, _ in runs:
        rate = LARGE_FLEET / min(seconds[function])
        rows.append(
            Row(f"{name}, {LARGE_FLEET:,} services, 0 ms", "the pages alone", "ms", to_ms(seconds[function]),
                to_ms(pages), note=f"{rate:,.0f} rows/s at best")
        )  # fmt: skip
        small, large = peaks[function]
        rows.append(
            Row(f"{name}, {LARGE_FLEET:,} services: peak of its process (RSS)", f"with {SMALL_FLEET:,} services", "MB",
                [large], [small], Goal(MEMORY_GOAL))
        )  # fmt: skip
    return rows


def _read_batch(bench: BenchStack, services: int) -> float:
    """Request the whole fleet's status and return the seconds."""
    answers = bench.client.send(bench.request("POST", PATH, {}))
    require_success(answers)
    listed = answers[0].body["services"]
    if len(listed) != services:
        raise SystemExit(f"{PATH} lists {len(listed)} of {services} services")
    return answers[0].seconds


def _run_poller(bench: BenchStack, services: int) -> float:
    start = time.perf_counter()
    result = bench.stack.fire_schedule(POLLER_FUNCTION)
    seconds = time.perf_counter() - start
    if result.error is not None or json.loads(result.payload)["services"] != services:
        raise SystemExit(f"the status poller failed: {result.payload.decode()[:300]}")
    return seconds


def _list_pages(bench: BenchStack) -> list[CallEntry]:
    """List the calls of the last whole listing: from the last call without a cursor on."""
    calls = [call for call in bench.simulator.list_calls() if call.provider == "railway"]
    first = max(number for number, call in enumerate(calls) if not _read_cursor(call))
    return calls[first:]


def _read_cursor(call: CallEntry) -> object:
    body: Any = call.body
    return body["variables"].get("after")


def _measure_pages(bench: BenchStack, calls: list[CallEntry], repetitions: int) -> list[float]:
    """Repeat logged calls of Railway as they were, one after another; returns the seconds of each repetition."""
    requests = [_make_page_call(bench, call) for call in calls]
    return [bench.client.call(run_sequences, requests, 1) for _ in range(repetitions)]


def _make_page_call(bench: BenchStack, call: CallEntry) -> Request:
    return Request(call.method, bench.simulator_url + call.path, {"Authorization": "Bearer yardstick"}, call.body)
