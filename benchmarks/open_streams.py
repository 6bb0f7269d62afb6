"""Events to many open streams, beside Starlette under uvicorn, and the memory of the streams.

Each stream shows a running prompt of a user of its own. Events are appended to all of these prompts as the product's
attempts do it, and reach the streams by their notifications.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial

import aiohttp
import psycopg

from benchmarks.bench_stack import BenchStack, open_bench_stack
from benchmarks.concurrent_prompts import FUNCTIONS, STREAM_FUNCTION, list_prompt_functions
from benchmarks.event_source_server import END_EVENT, start_event_source_server
from benchmarks.load_client import Request, open_session, send_requests
from benchmarks.machine import TreeMemory
from benchmarks.measurement import Goal, GroupOptions, GroupResult, Row, measure_rows

TITLE = "Open streams"
STREAMS = 200
EVENTS = 10
FANOUT_GOAL = 30.0
"""An event to a stream of ours, in multiples of one of Starlette's."""
OPEN_SECONDS = 2.0
"""How long the streams stay open before the events, while their memory is measured."""


def measure(options: GroupOptions) -> GroupResult:
    """Measure the group in a stack of its own."""
    with open_bench_stack(FUNCTIONS, STREAMS) as bench, start_event_source_server() as origin:
        bench.stack.prewarm(list_prompt_functions(STREAMS))
        return GroupResult(measure_rows(lambda: _measure_streams(bench, origin, options), options.factor))


def _measure_streams(bench: BenchStack, origin: str, options: GroupOptions) -> list[Row]:
    repetitions = options.choose(5, 1)
    memory: list[TreeMemory] = []
    yardstick = [bench.client.call(run_yardstick, origin) for _ in range(repetitions)]
    _run_streams(bench, memory)  # warm-up
    ours = [_run_streams(bench, memory) for _ in range(repetitions)]
    note = f"RSS {memory[-1].rss:,.0f} MB, {memory[-1].processes} processes"
    return [
        Row(f"an event to one of {STREAMS} open streams", "Starlette under uvicorn", "µs",
            _to_us_per_event(ours), _to_us_per_event(yardstick), Goal(FANOUT_GOAL)),
        Row(f"memory of the stack with {STREAMS} open streams (PSS)", "", "MB", [one.pss for one in memory], (),
            None, note),
    ]  # fmt: skip


def _to_us_per_event(seconds: Sequence[float]) -> list[float]:
    return [value * 1e6 / (STREAMS * EVENTS) for value in seconds]


def _run_streams(bench: BenchStack, memory: list[TreeMemory]) -> float:
    """Open a stream for each of so many running prompts, measure memory, append events.

    Returns:
        Seconds from the first event to the end of the last stream.
    """
    ids = [f"prompt-{uuid.uuid4().hex}" for _ in range(STREAMS)]
    with bench.connect_database() as database:
        database.execute(
            "INSERT INTO prompts (id, user_id, input, deadline)"
            " SELECT id, 'user-' || id, 'Hello', now() + interval '1 hour' FROM unnest(%s::text[]) AS t (id)",
            (ids,),
        )
    append_events(bench.stack.database_url, ids, [("prompt.created", {})])
    requests = [
        Request("GET", f"{bench.stack.url}/api/prompts/{prompt_id}/stream", {"X-User-Id": f"user-{prompt_id}"})
        for prompt_id in ids
    ]
    events = [("prompt.output", {"content": f"Event {number}."}) for number in range(EVENTS)]
    publish = partial(append_events, bench.stack.database_url, ids, [*events, ("prompt.completed", {})])
    running = bench.client.start(read_streams, requests, publish, "prompt.completed", OPEN_SECONDS)
    # All are open by then, and none has ended.
    while _count_busy(bench) < STREAMS and not running.done():
        time.sleep(0.05)
    memory.append(bench.measure_memory())
    return running.result()


def _count_busy(bench: BenchStack) -> int:
    workers = bench.stack.status()["functions"][STREAM_FUNCTION]["workers"]
    return sum(worker["state"] == "busy" for worker in workers)


def append_events(database_url: str, prompt_ids: Sequence[str], events: Sequence[tuple[str, object]]) -> None:
    """Append events to all prompts, each with a commit of its own, and notify their subscribers of each."""
    with psycopg.connect(database_url) as database:
        for event, data in events:
            database.execute(
                "WITH added AS ("
                "INSERT INTO prompt_events (prompt_id, seq, event, data)"
                " SELECT id, (SELECT coalesce(max(seq), 0) + 1 FROM prompt_events WHERE prompt_id = id), %s, %s"
                " FROM unnest(%s::text[]) AS t (id) RETURNING prompt_id, seq)"
                " SELECT pg_notify(prompt_id, json_build_object('seq', seq)::text) FROM added",
                (event, json.dumps(data), list(prompt_ids)),
            )
            database.commit()


def publish_yardstick(origin: str) -> None:
    """Publish the events of the yardstick's streams."""
    send_requests([Request("POST", f"{origin}/events/{EVENTS}")], 1)


def run_yardstick(origin: str) -> float:
    """Open the yardstick's streams and publish; returns the same as with our own streams."""
    requests = [Request("GET", f"{origin}/streams/{number}") for number in range(STREAMS)]
    return read_streams(requests, partial(publish_yardstick, origin), END_EVENT, 0.1)


def read_streams(requests: Sequence[Request], publish: Callable[[], None], end: str, open_seconds: float) -> float:
    """Open streams, let them stay open, publish, and read them all to their end.

    Args:
        requests: One for each stream.
        publish: Makes the events; called once each stream has sent its first one.
        end: The type of the last event.
        open_seconds: How long the streams stay open before.

    Returns:
        Seconds from `publish` to the end of the last stream.
    """

    async def read_all() -> float:
        opened = asyncio.Barrier(len(requests) + 1)
        async with open_session() as session, asyncio.TaskGroup() as tasks:
            for request in requests:
                tasks.create_task(_read_stream(session, request, opened, end))
            await opened.wait()
            await asyncio.sleep(open_seconds)
            start = time.perf_counter()
            tasks.create_task(asyncio.to_thread(publish))
        return time.perf_counter() - start

    return asyncio.run(read_all())


async def _read_stream(session: aiohttp.ClientSession, request: Request, opened: asyncio.Barrier, end: str) -> None:
    events: list[bytes] = []
    async with session.get(request.url, headers=request.headers) as response:
        if response.status != 200:
            raise RuntimeError(f"the stream was refused: {response.status} {(await response.text())[:200]}")
        async for line in response.content:
            if line.startswith(b"event: "):
                events.append(line.removeprefix(b"event: ").strip())
                if len(events) == 1:
                    await opened.wait()
    if len(events) != EVENTS + 2 or events[-1] != end.encode():
        raise RuntimeError(f"the stream had {len(events)} events, the last was {events[-1:]}")
