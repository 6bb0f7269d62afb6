"""Code of the checkout in a Python process of its own: no settings but those given, and nothing else imported.

Also for Mangum, which opens an event loop where a function's module is imported and would leave it behind here.
"""

import json
import subprocess
import sys
from typing import Any

from .function_environment import COMMON_SETTINGS
from .paths import EVENTS, PYTHONPATH


def run_python(code: str, stdin: str = "", **environment: str) -> str:
    """Run a program with this environment and the stack's name; returns what it printed. Fails where it fails."""
    completed = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={"PYTHONPATH": PYTHONPATH, **COMMON_SETTINGS, **environment},
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def handle_sample_event(module: str, environment: dict[str, str], idempotency_key: str | None = None) -> dict[str, Any]:
    """Call a function's handler with its sample event, in a process with these settings only; returns its result."""
    return handle_sample_event_and_read_log(module, environment, idempotency_key)[0]


def handle_sample_event_and_read_log(
    module: str, environment: dict[str, str], idempotency_key: str | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Do the same; returns the handler's result, and the lines that it logged.

    Args:
        module: below `functions/`, such as "services.healthz".
        environment: the settings.
        idempotency_key: sent in the event's headers.
    """
    code = f"import json, sys; from {module} import handler; print(json.dumps(handler(json.load(sys.stdin), None)))"
    event = json.loads((EVENTS / f"{module.replace('.', '/')}.json").read_text())
    if idempotency_key:
        event["headers"]["idempotency-key"] = idempotency_key
    *logged, result = (json.loads(line) for line in run_python(code, json.dumps(event), **environment).splitlines())
    return result, logged
