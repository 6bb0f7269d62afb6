"""An ASGI app that does what the last part of its path says; `control` in the query is a folder to steer it by."""

import asyncio
import json
import os
from urllib.parse import parse_qs

STARTED = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}


async def app(scope, receive, send):
    async def send_part(data, more=True):
        await send({"type": "http.response.body", "body": data, "more_body": more})

    async def wait_for(name):
        while not os.path.exists(f"{folder}/{name}"):
            await asyncio.sleep(0.01)

    def mark(name):
        open(f"{folder}/{name}", "w").close()

    action = scope["path"].rpartition("/")[2]
    folder = parse_qs(scope["query_string"].decode()).get("control", [""])[0]
    if action == "early":
        raise ValueError("no good")
    if action == "slow":
        await wait_for("0")
    headers = [(b"x-two", b"1"), (b"x-two", b"2"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    if action in ("echo", "none"):
        request = await receive()
        status = 204 if action == "none" else 201
        await send({"type": "http.response.start", "status": status, "headers": headers})
        details = {
            "body": request["body"].hex(),
            "method": scope["method"],
            "event": scope["aws.event"],
            "pid": os.getpid(),
        }
        await send_part(json.dumps(details).encode() if action == "echo" else b"", False)
        return
    await send(STARTED)
    await send_part(b"begun")
    if action == "steps":
        for number in range(3):
            await wait_for(number)
            await send_part(str(number).encode())
    if action == "gone":
        await wait_for("go")
        try:
            while True:
                await send_part(b"x")
                await asyncio.sleep(0.01)
        except OSError:
            mark("lost")
            raise
    if action == "listening":
        while (await receive())["type"] != "http.disconnect":
            pass
        mark("disconnected")
        return
    if action == "endless":
        while True:
            await send_part(bytes(100_000))
    if action == "late":
        raise ValueError("no good")
    if action == "forever":
        await asyncio.sleep(3600)
    if action == "stuck":
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                mark("cancelled")
    await send_part(b"", False)
