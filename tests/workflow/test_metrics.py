"""What functions write for the alarms, read from their logs on the stack."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.function_logs import FunctionLogReader, run_schedule
from tests.harness.wait import wait_until

DIMENSIONS = ["stack", "stage"]


def list_shapes(metrics: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """The metrics of these lines: name, and further dimensions as `name=value`."""
    shapes: set[tuple[str, str]] = set()
    for line in metrics:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        (dimensions,) = directive["Dimensions"]
        assert directive["Namespace"] == "Pointsman"
        assert dimensions[:2] == DIMENSIONS
        assert (line["stack"], line["stage"]) == ("pointsman-local", "dev")
        further = ",".join(f"{name}={line[name]}" for name in dimensions[2:])
        shapes |= {(metric["Name"], further) for metric in directive["Metrics"]}
    return shapes


@pytest.mark.usefixtures("no_instances")
def test_status_poller(stack: Stack, simulator: SimulatorClient) -> None:
    run = run_schedule(stack, "StatusPollerFunction")
    assert list_shapes(run.metrics) == {
        ("InstancesTotal", ""),
        ("InstancesGone", ""),
        ("ProviderCalls", "provider=railway"),
        ("ProviderFailures", "provider=railway"),
        ("ScheduleCompleted", "schedule=status_poller"),
    }
    assert run.metric_value("ProviderCalls") >= 1
    assert run.metric_value("ProviderFailures") == 0


def test_reconciler(stack: Stack, simulator: SimulatorClient) -> None:
    run = run_schedule(stack, "ReconcilerFunction")
    providers = ["railway", "openrouter", "agentmail", "telnyx"]
    assert list_shapes(run.metrics) == {
        ("OperationsLeaked", ""),
        ("OperationsStalled", ""),
        ("ScheduleCompleted", "schedule=reconciler"),
        *((name, f"provider={provider}") for name in ("Orphans", "ProviderCalls", "ProviderFailures")
          for provider in providers),
    }  # fmt: skip


def test_prompt_recovery(stack: Stack, simulator: SimulatorClient) -> None:
    run = run_schedule(stack, "PromptRecoveryFunction")
    assert list_shapes(run.metrics) == {
        ("PromptsStalled", ""),
        ("ApprovalsPending", ""),
        ("OldestApprovalSeconds", ""),
        ("ScheduleCompleted", "schedule=prompt_recovery"),
    }


def test_a_run_that_fails_has_its_provider_calls_and_is_not_completed(stack: Stack, simulator: SimulatorClient) -> None:
    simulator.inject_fault("railway", "environment", "server_error", times=None)
    run = run_schedule(stack, "StatusPollerFunction")
    assert run.result.error is not None
    assert ("ScheduleCompleted", "schedule=status_poller") not in list_shapes(run.metrics)
    assert run.metric_value("ProviderFailures") == run.metric_value("ProviderCalls") == 3


def test_an_endpoint_writes_its_provider_calls(stack: Stack, api: httpx.Client) -> None:
    reader = FunctionLogReader(stack, "StatusBatchFunction")
    assert api.post("/status/batch", json={"instanceIds": []}).status_code == 200
    (line,) = wait_until(reader.read_lines)
    assert (line["provider"], line["ProviderFailures"]) == ("railway", 0)
    assert line["ProviderCalls"] >= 1
