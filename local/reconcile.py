"""`python -m local reconcile`: the reconciler once, and what it started to its end.

Where a runner holds the data folder already, it is invoked there instead.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.asking import ask
from local.console import Console
from local.errors import RunnerError
from local.lock import Held
from local.plain import items, mapping
from local.settings import Settings
from local.stack import Stack

FUNCTION = "ReconcilerFunction"
_ANSWER_LIMIT = 300.0
_ENDS_WITHIN = 900.0


def reconcile(settings: Settings, dry: bool) -> None:
    """Run it and print what it did, or with `dry` what it would do.

    Raises:
        RunnerError: in one line, what is wrong; nothing is left running.
    """
    console = Console(requests=False)
    event = {"dry": dry}
    try:
        with Stack(replace(settings, port=0, schedules=False), console) as stack:
            result = stack.invoke(FUNCTION, event)
            error = result.error_message if result.error is not None else None
            report = mapping(json.loads(result.payload))
            _tell(console, report, error)
            if not dry:
                _wait(stack, console, [*mapping(report.get("operations"))])
    except Held as other:
        if other.url is None:
            raise
        console.say(f"  in the Pointsman that serves {other.url}, with its settings")
        report, failed = ask("POST", f"{other.url}/_local/invoke/{FUNCTION}", json.dumps(event).encode(), _ANSWER_LIMIT)
        _tell(console, report, str(report.get("errorMessage")) if failed else None)


def _tell(console: Console, report: Mapping[str, Any], error: str | None) -> None:
    if error is not None:
        raise RunnerError(f"the reconciler failed: {error}")
    operations = mapping(report.get("operations"))
    for operation, what in operations.items():
        console.say(f"  operation   {operation}: {what}")
    orphans = mapping(report.get("orphans"))
    actions, skipped = items(orphans.get("actions")), mapping(orphans.get("skipped"))
    for action in actions:
        console.say(f"  orphan      {json.dumps(action)}")
    for provider, reason in skipped.items():
        console.say(f"  skipped     {provider}: {reason}")
    if not operations and not actions and not skipped:
        console.say("  nothing to do")


def _wait(stack: Stack, console: Console, operations: list[str]) -> None:
    """Wait for the ends of what was started: it would be cut off with us."""
    deadline = time.monotonic() + _ENDS_WITHIN
    for operation in operations:
        while (status := _status(stack, operation)) == "running":
            if time.monotonic() > deadline:
                raise RunnerError(f"{operation} has not ended within {_ENDS_WITHIN:.0f} s")
            time.sleep(0.2)
        console.say(f"  operation   {operation} is {status}")


def _status(stack: Stack, operation: str) -> str:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    page, _ = ask("GET", f"{stack.url}/operations/{operation}", None, 35.0, headers)
    return str(page.get("status"))
