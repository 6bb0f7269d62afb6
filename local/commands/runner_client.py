"""A client of a runner that is up already: its gateway and its control API."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from local.console import Console
from local.errors import RunnerError
from local.json_values import mapping_or_empty
from local.lambda_service.invocation import InvocationResult
from local.loopback_http import open_loopback


def call_runner(
    method: str, url: str, body: bytes | None, timeout: float, headers: Mapping[str, str] | None = None
) -> tuple[Mapping[str, Any], str | None]:
    """Send a request to a runner.

    Args:
        method: HTTP method.
        url: Address below the runner's base URL.
        body: Body of the request, or None.
        timeout: Seconds.
        headers: Headers of the request.

    Returns:
        The JSON object of the response, and its X-Amz-Function-Error header; None if no function failed.

    Raises:
        RunnerError: The runner does not respond with success.
    """
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))  # noqa: S310 - http to loopback
    try:
        with open_loopback(request, timeout) as response:
            text, error = response.read(), response.headers.get("X-Amz-Function-Error")
            return mapping_or_empty(json.loads(text)), error
    except (OSError, ValueError) as error:
        raise RunnerError(f"the Pointsman that serves {url.partition('/_local')[0]} does not answer: {error}") from None


def invoke_function(url: str, name: str, payload: bytes, timeout: float, console: Console) -> InvocationResult:
    """Invoke a function in a runner that is up already, with the settings of that runner.

    Args:
        url: Base URL of the runner.
        name: Logical id of the function.
        payload: The event in JSON.
        timeout: Seconds.
        console: Prints which runner is used.

    Raises:
        RunnerError: The runner does not respond with success.
    """
    console.info(f"  in the Pointsman that serves {url}, with its settings")
    body, error = call_runner("POST", f"{url}/_local/invoke/{name}", payload, timeout)
    return InvocationResult(json.dumps(body).encode(), error, "")
