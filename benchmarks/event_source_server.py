"""The yardstick of streams: server-sent events from Starlette under uvicorn, one process, one queue for each stream.

GET  /streams/{number}    an event at once, then each that is published, until it is `end`
POST /events/{count}      publish so many events to every stream, and then `end`
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from benchmarks.bench_stack import ROOT

END_EVENT = "end"


def format_event(name: str, content: str) -> bytes:
    """Format an event as the product's streams do."""
    return f'event: {name}\ndata: {{"content":"{content}"}}\nid: 1\n\n'.encode()


def create_app() -> Starlette:
    """Create the server's application."""
    queues: list[asyncio.Queue[bytes]] = []

    async def stream(_request: Request) -> StreamingResponse:
        queue = asyncio.Queue[bytes]()
        queues.append(queue)

        async def read_events() -> AsyncIterator[bytes]:
            yield format_event("start", "")
            end = format_event(END_EVENT, "")
            while (event := await queue.get()) != end:
                yield event
            yield end

        return StreamingResponse(read_events(), media_type="text/event-stream")

    async def publish(request: Request) -> JSONResponse:
        for number in range(int(request.path_params["count"])):
            for queue in queues:
                queue.put_nowait(format_event("event", f"Event {number}."))
            await asyncio.sleep(0)
        for queue in queues:
            queue.put_nowait(format_event(END_EVENT, ""))
        queues.clear()
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/streams/{number:int}", stream),
            Route("/events/{count:int}", publish, methods=["POST"]),
        ]
    )


@contextmanager
def start_event_source_server() -> Iterator[str]:
    """Run the server as a process; yields its origin."""
    process = subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()
            process.wait(10)


def main() -> None:
    """Serve on a free port of loopback, and print the port."""
    config = uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_level="error", access_log=False, lifespan="off")
    listener = config.bind_socket()
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
