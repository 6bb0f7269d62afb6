"""CloudWatch metrics as log lines in the embedded metric format, each with the dimensions `stack` and `stage`.

Written here and not by Powertools, whose import is a cold start of its own (docs/decisions/0016).
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping

from .settings.aws import load_stack_dimensions

__all__ = ["count_provider_call", "emit_metrics", "emit_provider_calls"]

_NAMESPACE = "Pointsman"
_SECONDS_SUFFIX = "Seconds"

_provider_calls: Counter[tuple[str, bool]] = Counter()
"""The attempts since the last `emit_provider_calls`, by provider and whether they failed."""

_lock = threading.Lock()
"""Providers are called in several threads at the same time."""


def emit_metrics(values: Mapping[str, float], **dimensions: str) -> None:
    """Write metrics that share their dimensions as one line.

    Args:
        values: At most 100 metrics by name. A name that ends in `Seconds` has seconds, any other a count.
        **dimensions: Further dimensions by name. Each value makes a metric of its own, which is billed: use a fixed
            vocabulary, no ids and no secrets.

    Raises:
        MissingSetting: The stack's name or stage is not set.
    """
    all_dimensions = {**load_stack_dimensions(), **dimensions}
    directive = {
        "Namespace": _NAMESPACE,
        "Dimensions": [list(all_dimensions)],
        "Metrics": [
            {"Name": name, "Unit": "Seconds" if name.endswith(_SECONDS_SUFFIX) else "Count"} for name in values
        ],
    }
    header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    sys.stdout.write(json.dumps({"_aws": header, **all_dimensions, **values}) + "\n")
    sys.stdout.flush()


def count_provider_call(provider: str, *, failed: bool) -> None:
    """Count one attempt of a call to a provider. `emit_provider_calls` writes the counts.

    Args:
        provider: The provider's id, or `model`.
        failed: Whether something is wrong: with the provider, our credential or our request.
    """
    with _lock:
        _provider_calls[provider, failed] += 1


def emit_provider_calls() -> None:
    """Write and reset the counts of this invocation, a line for each provider that was called.

    What wraps a function's handler calls it at the end of each invocation. The counts of a killed process are lost.

    Raises:
        MissingSetting: The stack's name or stage is not set.
    """
    if not _provider_calls:
        return
    calls = dict(_provider_calls)
    _provider_calls.clear()
    for provider in sorted({provider for provider, _ in calls}):
        failures = calls.get((provider, True), 0)
        total = failures + calls.get((provider, False), 0)
        emit_metrics({"ProviderCalls": total, "ProviderFailures": failures}, provider=provider)
