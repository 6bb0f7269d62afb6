"""Asking the model for the prompt's next turn, and writing down what it says."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ...db import prompt_calls, prompt_events, prompt_items
from ...db.connection import Connection, run
from ...errors import MissingSetting, ModelFailed, PointsmanError
from ...moments import iso
from ...prompts import told
from ...settings.prompts import PromptSettings
from ..plugin import Prompt
from .held import Held, Run
from .history import Item, call_ids, history

if TYPE_CHECKING:
    from ..model.client import ModelClient
    from ..model.turns import Turn

__all__ = ["ask", "fail"]

_LONGEST_CALL_ID = 64


def ask(held: Held, prompt: Prompt, settings: PromptSettings) -> bool:
    """Let the model take a turn and commit it with the calls that it asks for. Whether the prompt has ended.

    A model that cannot be asked ends it.
    """
    items = run(lambda db: history(db, held.run))
    begun = told.now()
    on_text = _teller(held) if held.run.tokens else None
    try:
        level = "high" if held.run.model == "high" else "normal"
        turn = _model().respond(items, prompt.tools, "\n\n".join(prompt.instructions), level, on_text)
        said, calls = _with_ids_of_its_own(turn, call_ids(items))
        text = json.dumps(said, allow_nan=False)
    except (ModelFailed, MissingSetting) as error:
        fail(held, error.message)
        return True
    except ValueError:
        fail(held, "The model's answer cannot be read: it holds numbers that JSON has not")
        return True
    output: told.Output = {"type": "text", "content": turn.text, "start": iso(begun), "end": iso(told.now())}
    if turn.text and held.run.output_bytes + len(text) > settings.max_output_bytes:
        fail(held, f"The prompt's outputs are over the limit of {settings.max_output_bytes} bytes")
        return True

    def write(db: Connection, now: Run) -> Run:
        now = replace(
            now,
            turns=now.turns + 1,
            usage_input=now.usage_input + turn.usage.input,
            usage_output=now.usage_output + turn.usage.output,
            usage_total=now.usage_total + turn.usage.total,
        )
        prompt_items.add(db, now.id, now.turns, said)
        for position, call in enumerate(calls):
            prompt_calls.add(db, now.id, now.turns, position, call)
        if turn.text:
            now = told.output(db, now, output)
        return now if calls else told.end(db, now, "completed")

    held.write(write, ends=not calls)
    return not calls


def fail(held: Held, message: str) -> None:
    """End the prompt with this error."""
    held.write(lambda db, now: told.end(db, now, "failed", message), ends=True)


@cache
def _model() -> "ModelClient":
    """One client for as long as the process lives. Raises MissingSetting."""
    from ...settings.model import ModelSettings
    from ..model.client import ModelClient

    return ModelClient(ModelSettings.load())


def _teller(held: Held) -> Callable[[str | None], None]:
    """Hands the text out while it comes. Nobody must have it, so a database that is away meanwhile is no failure."""

    def tell(piece: str | None) -> None:
        try:
            run(lambda db: prompt_events.tell(db, held.run.id, held.owner, piece))
        except PointsmanError:
            return

    tell(None)  # An earlier attempt may have died in the middle of this turn.
    return tell


def _with_ids_of_its_own(turn: "Turn", taken: set[str]) -> tuple[list[Item], list[dict[str, str]]]:
    """The turn's items and calls. A call whose id the history has already gets another one.

    An API refuses a history with two calls of one id, and an approval of the one must not be one of the other.
    """
    names: dict[str, str] = {}
    for call in turn.calls:
        wanted, number = call.call_id, 1
        while wanted in taken:
            number += 1
            suffix = f"-{number}"
            wanted = call.call_id[: _LONGEST_CALL_ID - len(suffix)] + suffix
        taken.add(wanted)
        names[call.call_id] = wanted
    items: list[Item] = [
        {**item, "call_id": names[str(item["call_id"])]} if item.get("type") == "function_call" else item
        for item in turn.items
    ]
    calls: list[dict[str, Any]] = [
        {"id": names[call.call_id], "name": call.tool_id, "arguments": call.arguments} for call in turn.calls
    ]
    return items, calls
