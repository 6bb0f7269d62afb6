"""A turn as a response: output items, the response object, usage, and encrypted reasoning."""

import hashlib
import json
import secrets

from local.simulator.engine.model_scripts import ScriptedToolCall, ScriptedTurn, ScriptedUsage
from local.simulator.http.messages import Obj, as_obj
from local.simulator.model.request import ModelRequest


def build_response(request: ModelRequest, turn: ScriptedTurn, now: float, seal: str) -> Obj:
    """Build the finished response object; its status is `failed` when the turn breaks that way."""
    output = _build_output(request, turn, seal)
    status = "incomplete" if turn.incomplete else "completed"
    error: object = None
    if turn.breaks == "failed":
        status, output, error = "failed", [], {"code": turn.code, "message": "The model failed to answer."}
    return {
        "id": f"resp_{secrets.token_hex(12)}", "object": "response", "created_at": int(now),
        "completed_at": int(now) if status == "completed" else None, "status": status, "model": request.model,
        "error": error, "incomplete_details": {"reason": turn.incomplete} if turn.incomplete else None,
        "instructions": None, "metadata": {}, "parallel_tool_calls": True, "tool_choice": "auto",
        "tools": [*request.tools.values()], "temperature": 1, "top_p": 1, "max_output_tokens": None, "store": False,
        "output": output, "usage": _build_usage(request, turn, output),
    }  # fmt: skip


def build_seal(model: object, key: str, organization: str) -> str:
    """Build the seal of encrypted reasoning: only the same model, key and organization can read it."""
    return f"{model} {key} {organization}"


def build_encrypted_content(item_id: str, summary: object, seal: str) -> str:
    """Build the `encrypted_content` of a reasoning item: a hash of all that it is bound to, so a change is detected."""
    return "gAAAAA" + hashlib.sha256(f"{seal} {item_id} {json.dumps(summary)}".encode()).hexdigest()


def _build_output(request: ModelRequest, turn: ScriptedTurn, seal: str) -> list[Obj]:
    token = f"{'r' if turn.reasoning is not None else 'p'}{request.turn_number % 100:02d}{secrets.token_hex(8)}"
    items: list[Obj] = []
    if turn.reasoning is not None:
        item_id, summary = f"rs_{token}", [{"type": "summary_text", "text": turn.reasoning}]
        items.append({"type": "reasoning", "id": item_id, "summary": summary})
        if request.should_encrypt_reasoning:
            items[-1]["encrypted_content"] = build_encrypted_content(item_id, summary, seal)
    items += [{**item, "id": str(item["id"]).format(token=token)} if "id" in item else item for item in turn.other]
    parts: list[Obj] = []
    if turn.text is not None:
        parts.append({"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []})
    if turn.refusal is not None:
        parts.append({"type": "refusal", "refusal": turn.refusal})
    if parts:
        items.append({
            "type": "message", "id": f"msg_{token}", "role": "assistant", "status": "completed", "content": parts,
        })  # fmt: skip
    items += [_build_function_call(request, call, f"{token}_{index}") for index, call in enumerate(turn.calls)]
    if turn.incomplete and items:
        items[-1] = _truncate_item(items[-1])
    return items


def _build_function_call(request: ModelRequest, call: ScriptedToolCall, token: str) -> Obj:
    arguments = call.arguments
    return {
        "type": "function_call", "id": f"fc_{token}", "call_id": call.call_id or f"call_{token}",
        "name": request.find_tool_name(call.name) or call.name,
        "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments), "status": "completed",
    }  # fmt: skip


def _truncate_item(item: Obj) -> Obj:
    truncated = {**item, "status": "incomplete"}
    if item.get("type") == "function_call":
        arguments = str(item["arguments"])
        truncated["arguments"] = arguments[: len(arguments) // 2]
    return truncated


def _build_usage(request: ModelRequest, turn: ScriptedTurn, output: list[Obj]) -> Obj | None:
    if turn.usage is None or turn.breaks == "failed":
        return None
    if isinstance(turn.usage, ScriptedUsage):
        input_tokens, output_tokens = turn.usage.input_tokens, turn.usage.output_tokens
    else:
        input_tokens, output_tokens = (
            1 + request.body_size // 4,
            1 + len(json.dumps([as_obj(item).get("content") for item in output])) // 4,
        )
    return {
        "input_tokens": input_tokens, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": input_tokens + output_tokens,
    }  # fmt: skip
