"""An ASGI app that does what the last part of its path says; `control` in the query is a folder to steer it by."""

import asyncio
import json
import os
from urllib.parse import parse_qs

STARTED = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}


async def app(scope, receive, send):
    async def part(data, more=True):
        await send({"type": "http.response.body", "body": data, "more_body": more})

    async def wait_for(name):
        while not os.path.exists(f"{folder}/{name}"):
            await asyncio.sleep(0.01)

    def mark(name):
        open(f"{folder}/{name}", "w").close()

    what = scope["path"].rpartition("/")[2]
    folder = parse_qs(scope["query_string"].decode()).get("control", [""])[0]
    if what == "early":
        raise ValueError("no good")
    if what == "slow":
        await wait_for("0")
    headers = [(b"x-two", b"1"), (b"x-two", b"2"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    if what in ("echo", "none"):
        request = await receive()
        status = 204 if what == "none" else 201
        await send({"type": "http.response.start", "status": status, "headers": headers})
        told = {
            "body": request["body"].hex(),
            "method": scope["method"],
            "event": scope["aws.event"],
            "pid": os.getpid(),
        }
        await part(json.dumps(told).encode() if what == "echo" else b"", False)
        return
    await send(STARTED)
    await part(b"begun")
    if what == "steps":
        for number in range(3):
            await wait_for(number)
            await part(str(number).encode())
    if what == "gone":
        await wait_for("go")
        for _ in range(50):
            await part(bytes(100_000))
        mark("done")
    if what == "late":
        raise ValueError("no good")
    if what == "forever":
        await asyncio.sleep(3600)
    if what == "stuck":
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                mark("cancelled")
    await part(b"", False)
