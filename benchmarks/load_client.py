"""The clients of a benchmark, in a process of their own: the stack's process runs the gateway."""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import aiohttp

TIMEOUT_SECONDS = 300

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One HTTP request; `body` is sent as JSON."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: object = None


@dataclass(frozen=True)
class Answer:
    """The answer to a request.

    Args:
        started_at: When the request was sent, in seconds since the epoch.
        seconds: From the request to the end of the answer.
        status: HTTP status.
        body: Parsed if it is JSON, else text.
    """

    started_at: float
    seconds: float
    status: int
    body: Any


class ClientProcess:
    """Runs functions of the benchmark's modules in one other process."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor
        self.pid = self.call(_get_pid)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function there and return its result; both have to be picklable."""
        return self.start(function, *args, **kwargs).result()

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function there without waiting for it."""
        return self._executor.submit(function, *args, **kwargs)

    def send(self, *requests: Request) -> list[Answer]:
        """Send requests one after another over one connection."""
        return self.call(send_requests, requests, 1)

    def send_at_once(self, *requests: Request) -> list[Answer]:
        """Send requests at the same moment, each over its own connection."""
        return self.call(send_requests, requests, len(requests))


@contextmanager
def open_client_process() -> Iterator[ClientProcess]:
    """Start the clients' process; it ends with the block."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        yield ClientProcess(executor)


def open_session() -> aiohttp.ClientSession:
    """Open a session whose connections are kept alive, without a limit on their number."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**20)


async def send_request(session: aiohttp.ClientSession, request: Request) -> Answer:
    """Send a request and read its whole answer."""
    started_at, start = time.time(), time.perf_counter()
    async with session.request(request.method, request.url, headers=request.headers, json=request.body) as response:
        data = await response.read()
    seconds = time.perf_counter() - start
    try:
        body = json.loads(data)
    except ValueError:
        body = data.decode("utf-8", "replace")
    return Answer(started_at, seconds, response.status, body)


def send_requests(requests: Sequence[Request], at_once: int) -> list[Answer]:
    """Send requests, at most `at_once` at the same moment; the answers keep the requests' order."""

    async def send_all() -> list[Answer]:
        limit = asyncio.Semaphore(at_once)

        async def send_one(request: Request) -> Answer:
            async with limit:
                return await send_request(session, request)

        async with open_session() as session:
            return list(await asyncio.gather(*(send_one(request) for request in requests)))

    return asyncio.run(send_all())


def require_success(answers: Sequence[Answer], *statuses: int) -> None:
    """Exit if an answer has none of the statuses (200 by default)."""
    for answer in answers:
        if answer.status not in (statuses or (200,)):
            raise SystemExit(f"unexpected answer {answer.status}: {str(answer.body)[:500]}")


def _get_pid() -> int:
    return multiprocessing.current_process().pid or 0
