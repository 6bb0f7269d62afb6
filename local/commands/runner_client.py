"""Asking a runner that is there already."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from local.errors import RunnerError
from local.json_values import mapping_or_empty
from local.loopback_http import open_loopback


def call_runner(
    method: str, url: str, body: bytes | None, timeout: float, headers: Mapping[str, str] | None = None
) -> tuple[Mapping[str, Any], str | None]:
    """A runner's answer in JSON, and Lambda's word for what failed; `limit` in seconds.

    Raises:
        RunnerError: it does not answer.
    """
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))  # noqa: S310 - http, this machine's
    try:
        with open_loopback(request, timeout) as response:
            text, error = response.read(), response.headers.get("X-Amz-Function-Error")
            return mapping_or_empty(json.loads(text)), error
    except (OSError, ValueError) as error:
        raise RunnerError(f"the Pointsman that serves {url.partition('/_local')[0]} does not answer: {error}") from None
