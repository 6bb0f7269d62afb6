"""The yardsticks of the same run: what other programs would take for the same work, measured and not computed.

The original server calls the providers one after another, so its time is that of so many calls over kept connections,
without the one or two milliseconds that it spends itself on each. Here these are calls of the simulator's cheapest
operation, under the latency that our own requests have.
"""

import asyncio
import time
from collections.abc import Sequence

import aiohttp

from benchmarks.load_client import ClientProcess, Request, open_session, send_request

CALLS_OF_CREATE = {3: 11, 2: 8}
"""Provider calls of the original's create, by the number of tools."""
CALLS_OF_DESTROY = {3: 6}
"""The same for its destroy."""


def make_cheap_call(simulator_url: str) -> Request:
    """Make the simulator's cheapest provider call."""
    return Request("GET", f"{simulator_url}/openrouter/api/v1/credits", {"Authorization": "Bearer yardstick"})


def measure_calls(client: ClientProcess, request: Request, calls: int, repetitions: int) -> list[float]:
    """Measure sequences of calls, one call after another; returns the seconds of each sequence."""
    return [client.call(run_sequences, [request] * calls, 1) for _ in range(repetitions)]


def run_sequences(requests: Sequence[Request], at_once: int) -> float:
    """Send the same requests one after another, over `at_once` connections at the same time.

    Returns:
        Seconds until the last of the sequences has ended; opening the connections does not count.
    """

    async def run_all() -> float:
        barrier = asyncio.Barrier(at_once + 1)

        async def run_one() -> None:
            async with open_session() as session:
                await _send(session, requests[0])
                await barrier.wait()
                for request in requests:
                    await _send(session, request)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(run_one())
            await barrier.wait()
            start = time.perf_counter()
        return time.perf_counter() - start

    return asyncio.run(run_all())


async def _send(session: aiohttp.ClientSession, request: Request) -> None:
    answer = await send_request(session, request)
    if answer.status >= 400:
        raise RuntimeError(f"the yardstick's call failed: {answer.status} {str(answer.body)[:200]}")
