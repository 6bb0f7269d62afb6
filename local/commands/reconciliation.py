"""`python -m local reconcile`: runs the reconciler once and waits for the operations that it resumed.

If a runner holds the data folder, the reconciler is invoked in that runner.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.commands.runner_client import call_runner, invoke_function
from local.console import Console
from local.errors import RunnerError
from local.json_values import list_or_empty, mapping_or_empty
from local.lambda_service.invocation import InvocationResult
from local.processes.run_lock import RunLockHeld
from local.settings import Settings
from local.stack.stack import Stack

RECONCILER_FUNCTION = "ReconcilerFunction"
_INVOKE_TIMEOUT = 300.0
"""Seconds that the reconciler may take in another runner."""

_OPERATION_TIMEOUT = 900.0
"""Seconds to wait for the end of the resumed operations."""


def reconcile(settings: Settings, is_dry_run: bool) -> None:
    """Run the reconciler and print what it did.

    Args:
        settings: Settings of the run.
        is_dry_run: Whether to print only what it would do.

    Raises:
        RunnerError: In one line, what failed; no process is left.
    """
    console = Console(log_requests=False)
    event = {"dry": is_dry_run}
    try:
        with Stack(replace(settings, port=0, schedules=False), console) as stack:
            report = _print_report(console, stack.invoke(RECONCILER_FUNCTION, event))
            if not is_dry_run:
                _wait_for_operations(stack, console, [*mapping_or_empty(report.get("operations"))])
    except RunLockHeld as other:
        if other.url is None:
            raise
        payload = json.dumps(event).encode()
        _print_report(console, invoke_function(other.url, RECONCILER_FUNCTION, payload, _INVOKE_TIMEOUT, console))


def _print_report(console: Console, result: InvocationResult) -> Mapping[str, Any]:
    if result.error is not None:
        raise RunnerError(f"the reconciler failed: {result.error_message}")
    report = mapping_or_empty(json.loads(result.payload))
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
    return report


def _wait_for_operations(stack: Stack, console: Console, operation_ids: list[str]) -> None:
    """Wait for the end of the resumed operations, which run in this process's stack and would end with it."""
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
