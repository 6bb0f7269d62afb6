"""A model turn: one response of the model, committed with the tool calls that it requests."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from ...db import prompt_events, prompt_history, token_usage, tool_calls
from ...db.connection import Connection, run_in_transaction
from ...db.prompt_runs import PromptRun
from ...db.token_usage import MAX_COUNT
from ...errors import ModelFailed, PointsmanError, SettingError
from ...misconfiguration import hide_setting
from ...prompts.model_items import ModelItem, collect_call_ids
from ...prompts.output_size import measure_turn
from ...prompts.transcript import PromptOutput, append_final_event, append_output, build_call_output
from ...settings.database import load_uses_notifications
from ...settings.prompts import PromptSettings
from ...timestamps import format_timestamp
from ..plugin import Prompt
from .history import load_history
from .ownership import OwnedPrompt, Progress
from .secret_arguments import separate_secrets
from .turn_watch import TurnWatch

if TYPE_CHECKING:
    from ...settings.prompts import ModelSettings
    from ..model.client import ModelClient
    from ..model.response import ModelTurn

__all__ = ["complete_prompt", "fail_prompt", "run_model_turn"]

_MAX_CALL_ID_LENGTH = 64
_CALL_ID_PATTERN = re.compile(f"[!-~]{{1,{_MAX_CALL_ID_LENGTH}}}")


def run_model_turn(owned: OwnedPrompt, prompt: Prompt, settings: PromptSettings, seconds: float) -> Progress:
    """Request the model's next turn and commit it. The prompt ends if the turn has no calls, or the model failed.

    Args:
        owned: the prompt.
        prompt: its tools and instructions.
        settings: its limits.
        seconds: how long the model may take, with all attempts.

    Raises:
        OutOfTime: the model took longer.
        OwnershipLost: the prompt has ended or has another owner, perhaps while the model was waited for.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    history = run_in_transaction(load_history, owned.prompt_run, settings.max_history_bytes)
    started_at = datetime.now(UTC)
    on_text = _build_text_callback(owned) if owned.prompt_run.tokens and load_uses_notifications() else None
    try:
        level = "high" if owned.prompt_run.model == "high" else "normal"
        turn = _get_model_client().respond(
            history.items,
            prompt.tools,
            "\n\n".join(prompt.instructions),
            level,
            on_text,
            TurnWatch(owned, seconds),
            is_shortened=history.is_shortened,
        )
        used_ids = collect_call_ids(row.item for row in history.items)
        # The ids of what is left out are not known.
        id_scope = f"{owned.prompt_run.id} {owned.prompt_run.turns}" if history.is_shortened else None
        given_items, given_calls = _assign_unique_call_ids(turn, used_ids, id_scope)
        output_items, calls, secrets = separate_secrets(prompt, given_items, given_calls)
    except (ModelFailed, SettingError) as error:
        return fail_prompt(owned, hide_setting(error).message)
    text_output: PromptOutput = {
        "type": "text",
        "content": turn.text,
        "start": format_timestamp(started_at),
        "end": format_timestamp(datetime.now(UTC)),
    }
    # With the secrets, which are stored too.
    size = measure_turn(given_items, text_output, (build_call_output(call, {}, started_at) for call in given_calls))
    if owned.prompt_run.output_bytes + size > settings.max_output_bytes:
        return fail_prompt(owned, f"The prompt's outputs are over the limit of {settings.max_output_bytes} bytes")

    def record_turn(db: Connection, prompt_run: PromptRun) -> PromptRun:
        prompt_run = replace(
            prompt_run,
            turns=prompt_run.turns + 1,
            output_bytes=prompt_run.output_bytes + size,
            usage_input=min(prompt_run.usage_input + turn.usage.input, MAX_COUNT),
            usage_output=min(prompt_run.usage_output + turn.usage.output, MAX_COUNT),
            usage_total=min(prompt_run.usage_total + turn.usage.total, MAX_COUNT),
        )
        prompt_history.append(db, prompt_run.id, prompt_run.turns, output_items, origin=turn.origin)
        prompt_history.record_refusals(db, turn.refusals)
        token_usage.add(db, prompt_run.user_id, turn.usage.total)
        for position, call in enumerate(calls):
            tool_calls.insert(db, prompt_run.id, prompt_run.turns, position, call, secrets.get(call["id"]))
        if turn.text:
            append_output(db, prompt_run, text_output)
        return prompt_run if calls else append_final_event(db, prompt_run, "completed")

    owned.write(record_turn, may_end=not calls)
    return Progress.CONTINUES if calls else Progress.ENDED


def fail_prompt(owned: OwnedPrompt, message: str) -> Progress:
    """End the prompt as failed with this error message."""
    owned.write(lambda db, prompt_run: append_final_event(db, prompt_run, "failed", message), may_end=True)
    return Progress.ENDED


def complete_prompt(owned: OwnedPrompt) -> Progress:
    """End a prompt without a model: its call is done."""
    owned.write(lambda db, prompt_run: append_final_event(db, prompt_run, "completed"), may_end=True)
    return Progress.ENDED


def _get_model_client() -> "ModelClient":
    """Return the client of the settings, imported here so that a cold start loads no httpx. Raises MissingSetting."""
    from ...settings.prompts import ModelSettings

    return _build_model_client(ModelSettings.load())


@lru_cache(maxsize=1)
def _build_model_client(settings: "ModelSettings") -> "ModelClient":
    from ..model.client import ModelClient

    return ModelClient(settings)


def _build_text_callback(owned: OwnedPrompt) -> Callable[[str | None], None]:
    """Build the callback that publishes the model's text. Text is not stored, so a failure of Postgres is ignored."""

    def publish_delta(delta: str | None) -> None:
        try:
            run_in_transaction(prompt_events.notify_text_delta, owned.prompt_run.id, owned.owner, delta)
        except PointsmanError:
            return

    publish_delta(None)  # An earlier attempt may have been killed in the middle of this turn.
    return publish_delta


def _assign_unique_call_ids(
    turn: "ModelTurn", used_ids: set[str], scope: str | None
) -> tuple[list[ModelItem], list[dict[str, str]]]:
    """Return the turn's items and calls. A call whose id is used already, too long, or not plain gets a new one.

    The API rejects a history with two calls of one id, and an approval of the one must not be valid for the other. Ids
    are shown to people, so they hold visible ASCII only. With a `scope`, a text of the turn's own, all get ids that no
    other turn has.
    """
    call_ids: list[str] = []
    for call in turn.calls:
        candidate, number = call.call_id, 1
        if scope is not None or not _CALL_ID_PATTERN.fullmatch(candidate):
            text = f"{scope} {candidate}" if scope is not None else candidate
            candidate = f"call_{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:32]}"
        base = candidate
        while candidate in used_ids:
            number += 1
            suffix = f"-{number}"
            candidate = base[: _MAX_CALL_ID_LENGTH - len(suffix)] + suffix
        used_ids.add(candidate)
        call_ids.append(candidate)
    new_ids = iter(call_ids)
    items: list[ModelItem] = [
        {**item, "call_id": next(new_ids)} if item.get("type") == "function_call" else item for item in turn.items
    ]
    calls = [
        {"id": call_id, "name": call.tool_id, "arguments": call.arguments}
        for call_id, call in zip(call_ids, turn.calls, strict=True)
    ]
    return items, calls
