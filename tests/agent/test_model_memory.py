"""The memory of the function while it reads a hostile answer of the model, in a process of its own."""

import json

import pytest

from pointsman.agent.model.read_limits import MAX_BODY_BYTES
from tests.harness.hostile_model import ENDLESS_STREAMS, event, send_stream
from tests.harness.hostile_server import Answer, endless_body, endless_head, gzip_bomb, send_body, serve_hostile
from tests.harness.python_process import run_python

FUNCTION_MEGABYTES = 512
"""MemorySize in the template."""

ASK = """
import sys
from composition import compose
from pointsman.agent.loop import runner
from pointsman.agent.model.client import ModelClient
from pointsman.errors import ModelFailed
from pointsman.prompts.output_size import measure
from pointsman.settings.prompts import ModelSettings
from tests.harness.model_history import make_history

compose()
url, streamed = sys.stdin.read().split()
client = ModelClient(ModelSettings(url + "/v1", "key", "normal", "high", 30))
try:
    on_text = (lambda _: None) if streamed == "streamed" else None
    measure(client.respond(make_history("x" * 4_000_000), on_text=on_text).items)
except ModelFailed:
    pass
# Not `getrusage`: its maximum is inherited from the process that started this one.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) // 1024)
"""

LISTS = b"[" + b"[]," * ((MAX_BODY_BYTES - 100) // 3) + b"0]"
OBJECTS = b"[" + b"{}," * ((MAX_BODY_BYTES - 200) // 3) + b"0]"
KEYS = json.dumps({f"{number:x}": 0 for number in range(450_000)}).encode()
ASTRAL = json.dumps("\N{GRINNING FACE}" + "x" * (MAX_BODY_BYTES - 400)).encode()


def add_item(value: bytes) -> bytes:
    """Build an event that adds an item with this value."""
    item = b'{"type": "reasoning", "summary": %b}' % value
    return b'data: {"type": "response.output_item.done", "item": %b}\n\n' % item


def complete(value: bytes) -> bytes:
    """Build the final event, with this value in its response."""
    return b'data: {"type": "response.completed", "response": {"output": [], "x": %b}}\n\n' % value


BODIES = {"lists": LISTS, "objects": OBJECTS, "keys": KEYS, "astral": ASTRAL}
PLAIN: dict[str, Answer] = {
    "endless body": endless_body,
    "endless head": endless_head,
    "400 MB as gzip": gzip_bomb(400),
    "a body of 400 MB": send_body(b'{"output": [' + b" " * 1024 * 1024, times=400),
    **{f"a body of {kind}": send_body(body) for kind, body in BODIES.items()},
}
STREAMED: dict[str, Answer] = {
    **{f"endless {kind}": ENDLESS_STREAMS[kind] for kind in ("text", "arguments", "large items", "a line", "an event")},
    **{f"an item and an end of {kind}": send_stream(add_item(body), complete(body)) for kind, body in BODIES.items()},
    "a text and an end of objects": send_stream(
        event({"type": "response.output_text.delta", "delta": "\N{GRINNING FACE}" + "x" * 5_900_000}), complete(OBJECTS)
    ),
}


@pytest.mark.slow
@pytest.mark.limit("model-answer")
@pytest.mark.parametrize("kind", [*PLAIN, *STREAMED])
def test_a_hostile_answer_stays_within_the_functions_memory(kind: str) -> None:
    answer = (PLAIN | STREAMED)[kind]
    with serve_hostile(answer) as url:
        peak = int(run_python(ASK, f"{url} {'plain' if kind in PLAIN else 'streamed'}").splitlines()[-1])
    assert peak < FUNCTION_MEGABYTES * 0.9
