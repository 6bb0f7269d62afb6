"""The events of a streamed response in the documented order, with comments and unknown events in between."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from local.simulator.config import ModelConfig
from local.simulator.engine.model_scripts import ScriptedTurn
from local.simulator.http.messages import Obj, as_list, as_obj, as_str

COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE_EVENT = b"data: [DONE]\n\n"
_DELTA_PATTERN = re.compile(r"\s*\S+\s*$|\s*\S+|\s+$")


@dataclass(frozen=True)
class Chunk:
    """Bytes that are sent at once; `is_delta` marks a delta event, which `gap_s` delays."""

    data: bytes
    is_delta: bool = False


def build_chunks(response: Obj, turn: ScriptedTurn, config: ModelConfig) -> list[Chunk]:
    """Build all chunks of a stream, up to the point where the turn breaks."""
    if turn.events:
        return [Chunk(f"data: {json.dumps(event)}\n\n".encode()) for event in turn.events]
    sent: list[Chunk] = [Chunk(COMMENT)] if config.noise else []
    delta_count = unknown_count = 0
    is_broken = turn.breaks in ("error_event", "error_member", "truncated", "dropped")
    for number, event in enumerate(_iter_events(response)):
        sequence = number + unknown_count
        is_delta = str(event["type"]).endswith(".delta")
        if is_broken and ((is_delta and delta_count >= turn.break_after) or _is_final(event)):
            sent += _build_break_chunks(turn, sequence)
            return sent
        sent.append(Chunk(_encode_event(event, sequence), is_delta))
        if config.noise and number % 3 == 1 and not _is_final(event):
            unknown_count += 1
            sent += [
                Chunk(COMMENT),
                Chunk(_encode_event({"type": "response.debug", "delta": "not for you"}, sequence + 1)),
            ]
        delta_count += is_delta
    if config.done:
        sent.append(Chunk(DONE_EVENT))
    return sent


def _build_break_chunks(turn: ScriptedTurn, sequence: int) -> list[Chunk]:
    if turn.breaks == "error_event":
        event: Obj = {"type": "error", "code": turn.code, "message": "The model stopped answering.", "param": None}
        return [Chunk(_encode_event(event, sequence))]
    if turn.breaks == "error_member":
        error: Obj = {"code": 502, "message": "Provider disconnected", "metadata": {"error_type": turn.code}}
        body: Obj = {"id": "gen-1", "object": "chat.completion.chunk", "error": error, "choices": []}
        return [Chunk(f"data: {json.dumps(body)}\n\n".encode())]
    return []


def _is_final(event: Obj) -> bool:
    return event["type"] in ("response.completed", "response.incomplete", "response.failed")


def _encode_event(event: Obj, sequence: int) -> bytes:
    data = json.dumps({**event, "sequence_number": sequence}, ensure_ascii=False)
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def _iter_events(response: Obj) -> Iterator[Obj]:
    nothing_yet: Obj = {"status": "in_progress", "output": [], "usage": None, "error": None, "completed_at": None}
    initial: Obj = {**response, **nothing_yet, "incomplete_details": None}
    yield {"type": "response.created", "response": initial}
    yield {"type": "response.in_progress", "response": initial}
    for index, item in enumerate(as_list(response["output"])):
        yield from _iter_item_events(index, as_obj(item))
    yield {"type": f"response.{response['status']}", "response": response}


def _iter_item_events(index: int, item: Obj) -> Iterator[Obj]:
    empty: dict[str, Obj] = {
        "message": {"content": [], "status": "in_progress"}, "reasoning": {"summary": []},
        "function_call": {"arguments": "", "status": "in_progress"},
    }  # fmt: skip
    kind = str(item["type"])
    yield {"type": "response.output_item.added", "output_index": index, "item": {**item, **empty.get(kind, {})}}
    place: Obj = {"item_id": item.get("id"), "output_index": index}
    if kind == "message":
        for number, part in enumerate(as_list(item["content"])):
            yield from _iter_part_events({**place, "content_index": number}, as_obj(part))
    elif kind == "reasoning":
        for number, part in enumerate(as_list(item["summary"])):
            yield from _iter_summary_events({**place, "summary_index": number}, as_obj(part))
    elif kind == "function_call":
        arguments, name = str(item["arguments"]), "response.function_call_arguments"
        for start in range(0, len(arguments), 8):
            yield {"type": f"{name}.delta", **place, "delta": arguments[start : start + 8]}
        yield {"type": f"{name}.done", **place, "arguments": arguments, "name": item["name"]}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _iter_part_events(place: Obj, part: Obj) -> Iterator[Obj]:
    is_refusal = part["type"] == "refusal"
    field, name = ("refusal", "response.refusal") if is_refusal else ("text", "response.output_text")
    extra: Obj = {} if is_refusal else {"logprobs": []}
    text = as_str(part[field]) or ""
    yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
    for piece in _DELTA_PATTERN.findall(text):
        yield {"type": f"{name}.delta", **place, "delta": piece, **extra}
    yield {"type": f"{name}.done", **place, field: text}
    yield {"type": "response.content_part.done", **place, "part": part}


def _iter_summary_events(place: Obj, part: Obj) -> Iterator[Obj]:
    name = "response.reasoning_summary"
    yield {"type": f"{name}_part.added", **place, "part": {**part, "text": ""}}
    yield {"type": f"{name}_text.delta", **place, "delta": part["text"]}
    yield {"type": f"{name}_text.done", **place, "text": part["text"]}
    yield {"type": f"{name}_part.done", **place, "part": part}
