"""`python -m local reconcile`: the reconciler once, and what it started to its end.

Where a runner holds the data folder already, it is invoked there instead.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.commands.runner_client import call_runner
from local.console import Console
from local.errors import RunnerError
from local.json_values import list_or_empty, mapping_or_empty
from local.processes.run_lock import RunLockHeld
from local.settings import Settings
from local.stack.stack import Stack

RECONCILER_FUNCTION = "ReconcilerFunction"
_INVOKE_TIMEOUT = 300.0
_OPERATION_TIMEOUT = 900.0


def reconcile(settings: Settings, is_dry_run: bool) -> None:
    """Run it and print what it did, or with `dry` what it would do.

    Raises:
        RunnerError: in one line, what is wrong; nothing is left running.
    """
    console = Console(log_requests=False)
    event = {"dry": is_dry_run}
    try:
        with Stack(replace(settings, port=0, schedules=False), console) as stack:
            result = stack.invoke(RECONCILER_FUNCTION, event)
            error = result.error_message if result.error is not None else None
            report = mapping_or_empty(json.loads(result.payload))
            _print_report(console, report, error)
            if not is_dry_run:
                _wait_for_operations(stack, console, [*mapping_or_empty(report.get("operations"))])
    except RunLockHeld as other:
        if other.url is None:
            raise
        console.info(f"  in the Pointsman that serves {other.url}, with its settings")
        report, function_error = call_runner(
            "POST", f"{other.url}/_local/invoke/{RECONCILER_FUNCTION}", json.dumps(event).encode(), _INVOKE_TIMEOUT
        )
        _print_report(console, report, str(report.get("errorMessage")) if function_error else None)


def _print_report(console: Console, report: Mapping[str, Any], error: str | None) -> None:
    if error is not None:
        raise RunnerError(f"the reconciler failed: {error}")
    operations = mapping_or_empty(report.get("operations"))
    for operation_id, outcome in operations.items():
        console.info(f"  operation   {operation_id}: {outcome}")
    orphans = mapping_or_empty(report.get("orphans"))
    actions, skipped = list_or_empty(orphans.get("actions")), mapping_or_empty(orphans.get("skipped"))
    for action in actions:
        console.info(f"  orphan      {json.dumps(action)}")
    for provider, reason in skipped.items():
        console.info(f"  skipped     {provider}: {reason}")
    if not operations and not actions and not skipped:
        console.info("  nothing to do")


def _wait_for_operations(stack: Stack, console: Console, operation_ids: list[str]) -> None:
    """Wait for the ends of what was started: it would be cut off with us."""
    deadline = time.monotonic() + _OPERATION_TIMEOUT
    for operation_id in operation_ids:
        while (status := _get_operation_status(stack, operation_id)) == "running":
            if time.monotonic() > deadline:
                raise RunnerError(f"{operation_id} has not ended within {_OPERATION_TIMEOUT:.0f} s")
            time.sleep(0.2)
        console.info(f"  operation   {operation_id} is {status}")


def _get_operation_status(stack: Stack, operation_id: str) -> str:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    body, _ = call_runner("GET", f"{stack.url}/operations/{operation_id}", None, 35.0, headers)
    return str(body.get("status"))
