"""The steps of an operation, for people."""

import json
from typing import Any

from pointsman_client.generated.models import OperationPage, StepPage

__all__ = ["describe_failure", "describe_step"]

_SIGNS = {"running": "…", "succeeded": "✓", "skipped": "-", "failed": "✗"}
_UNDO = "undo"


def describe_step(step: StepPage) -> str:
    """A line with a step's state, its duration in seconds, and why it has failed."""
    seconds = f"{(step.ended_at - step.started_at).total_seconds():6.2f} s" if step.ended_at else "        "
    error = f"  {step.error}" if step.error else ""
    return f"{_SIGNS.get(step.status, '?')} {step.name:<14} {seconds}{error}"


def describe_failure(operation: OperationPage) -> list[str]:
    """Lines with the steps of an operation that has failed, what it has undone, and what is left."""
    lines = [f"  {describe_step(step)}" for step in operation.steps]
    names = [step.name for step in operation.steps if step.status == "succeeded" and step.name != _UNDO]
    error: dict[str, Any] = operation.to_dict().get("error") or {}
    left = error.get("left")
    if operation.status == "leaked":
        lines.append(f"Left, and may cost money: {json.dumps(left) if left else 'see the error'}")
        lines.append(f"Try again: pointsman operations retry {operation.operation_id}")
    elif any(step.name == _UNDO for step in operation.steps):
        lines.append(f"Undone: {', '.join(names)}. Nothing is left." if names else "Nothing is left.")
    return lines
