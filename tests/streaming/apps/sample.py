"""A sample ASGI app; the last segment of the path selects the `do_` function that responds."""

import asyncio
import json
import os
import sys
import time

LOOPS = []
START = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/event-stream")]}


async def app(scope, receive, send):
    name = scope["path"].rpartition("/")[2]
    await globals()[f"do_{name}"](scope, receive, send)


async def send_json(send, value, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


async def send_part(send, data, more=True):
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def do_stream(scope, receive, send):
    await send(START)
    for number in range(3):
        await send_part(send, f"data: {number}\n\n".encode())
        await receive() if number == 0 else await asyncio.sleep(0)
    await send_part(send, b"", False)


async def do_steps(scope, receive, send):
    """One chunk for each file that appears in a folder, named by the query."""
    folder = scope["query_string"].decode()
    await send(START)
    for number in range(3):
        while not os.path.exists(f"{folder}/{number}"):
            await asyncio.sleep(0.01)
        await send_part(send, f"{number}".encode(), number < 2)


async def do_scope(scope, receive, send):
    context = scope["aws.context"]
    request = await receive()
    fields = {
        name: scope[name] if not isinstance(scope[name], bytes) else scope[name].decode()
        for name in (
            "type",
            "asgi",
            "http_version",
            "method",
            "scheme",
            "path",
            "raw_path",
            "query_string",
            "root_path",
        )
    }
    fields |= {"server": scope["server"], "client": scope["client"], "event": scope["aws.event"]}
    fields["headers"] = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    fields["body"] = request["body"].hex()
    fields["more"] = request["more_body"]
    fields["context"] = {
        "id": context.aws_request_id, "deadline": context.deadline_ms, "arn": context.invoked_function_arn,
        "name": context.function_name, "memory": context.memory_limit_in_mb,
        "remaining": context.get_remaining_time_in_millis(), "trace": os.environ["_X_AMZN_TRACE_ID"],
    }  # fmt: skip
    fields["path0"] = sys.path[:3]
    LOOPS.append(id(asyncio.get_running_loop()))
    fields["loops"] = LOOPS
    await send_json(send, fields)


async def do_headers(scope, receive, send):
    headers = [(b"X-A", b"1"), (b"x-a", b"2"), (b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2; Path=/"),
               (b"Content-Length", b"4"), (b"connection", b"close")]  # fmt: skip
    await send_json(send, None, 201, headers)


async def do_empty(scope, receive, send):
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


async def do_long(scope, receive, send):
    await send_json(send, 1, 200, [(b"x-long", b"x" * 17_000)])


async def do_early(scope, receive, send):
    await send(START)
    raise ValueError("no good\nat all")


async def do_late(scope, receive, send):
    await send(START)
    await send_part(send, b"some")
    raise LookupError("lost")


async def do_foreign(scope, receive, send):
    from third_party import ThirdPartyError

    raise ThirdPartyError("password=" + "".join(["hunter", "2"]))


async def do_open(scope, receive, send):
    await send(START)
    await send_part(send, b"some")


async def do_nothing(scope, receive, send):
    return


async def do_wrong(scope, receive, send):
    await send_part(send, b"before the start")


async def do_after(scope, receive, send):
    await send_json(send, 1)
    await send_part(send, b"more")


async def do_disconnect(scope, receive, send):
    """Log what `receive` returns before and after the response."""
    received = [(await receive())["type"]]
    next_message = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    received.append(next_message.done())
    await send_json(send, 1)
    received.append((await next_message)["type"])
    print("received", json.dumps(received))


async def do_broken(scope, receive, send):
    """Send until `send` raises."""
    await send(START)
    try:
        while True:
            await send_part(send, b"x" * 1000)
            await asyncio.sleep(0.01)
    except OSError as error:
        await receive()
        print("disconnected", isinstance(error, OSError), (await receive())["type"])


async def do_impatient(scope, receive, send):
    """Send without end, and do not wait long for a part to be read."""
    await send(START)
    await send_part(send, b"x")
    try:
        while True:
            await asyncio.wait_for(send_part(send, bytes(100_000)), 0.5)
    except TimeoutError:
        raise ConnectionAbortedError("the client does not read") from None


async def do_endless(scope, receive, send):
    await send(START)
    while True:
        await send_part(send, bytes(100_000))


async def do_idle(scope, receive, send):
    """Wait for `http.disconnect` without sending."""
    await send(START)
    await send_part(send, b"x")
    await receive()
    print("idle", (await receive())["type"])


async def do_forever(scope, receive, send):
    await send(START)
    await send_part(send, b"started")
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaned", scope["aws.context"].get_remaining_time_in_millis() > 0)


async def do_graceful(scope, receive, send):
    await send(START)
    await send_part(send, b"started")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await send_part(send, b"reconnect", False)


async def do_silent(scope, receive, send):
    await asyncio.sleep(3600)


async def do_stubborn(scope, receive, send):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            print("no")


async def do_exit(scope, receive, send):
    sys.exit(3)


async def do_big(scope, receive, send):
    await send(START)
    for _ in range(40):
        await send_part(send, bytes(100_000))
    await send_part(send, b"", False)


async def do_background(scope, receive, send):
    await send_json(send, 1)
    await asyncio.sleep(0.05)
    print("afterwards", time.time() > 0)
