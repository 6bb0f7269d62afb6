"""Asking a runner that is there already."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from local.errors import RunnerError
from local.json_values import mapping_or_empty


def call_runner(
    method: str, url: str, body: bytes | None, timeout: float, headers: Mapping[str, str] | None = None
) -> tuple[Mapping[str, Any], str | None]:
    """A runner's answer in JSON, and Lambda's word for what failed; `limit` in seconds.

    Raises:
        RunnerError: it does not answer.
    """
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))  # noqa: S310 - http, this machine's
    try:
        # Without a proxy handler: the developer's proxy is not for loopback.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as response:
            text, error = response.read(), response.headers.get("X-Amz-Function-Error")
            return mapping_or_empty(json.loads(text)), error
    except (OSError, ValueError) as error:
        raise RunnerError(f"the Pointsman that serves {url.partition('/_local')[0]} does not answer: {error}") from None
