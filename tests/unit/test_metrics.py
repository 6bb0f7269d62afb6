"""Metrics: lines in the embedded metric format, with exactly the dimensions that the alarms name."""

import json

import httpx
import pytest

from pointsman import metrics
from pointsman.db import connection
from pointsman.errors import DatabaseUnavailable, MissingSetting, ProviderError
from pointsman.http_transport import Transport
from pointsman.providers.http_client import HttpClient
from pointsman.providers.http_response import ErrorBody
from tests.harness.http_responses import mock_transport


def read_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_the_shape_of_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit_metrics({"ApprovalsPending": 2, "OldestApprovalSeconds": 1.5}, provider="telnyx")
    (line,) = read_lines(capsys)
    header = line.pop("_aws")
    assert isinstance(header, dict)
    assert header["Timestamp"] > 1_700_000_000_000
    assert header["CloudWatchMetrics"] == [
        {
            "Namespace": "Pointsman",
            "Dimensions": [["stack", "stage", "provider"]],
            "Metrics": [
                {"Name": "ApprovalsPending", "Unit": "Count"},
                {"Name": "OldestApprovalSeconds", "Unit": "Seconds"},
            ],
        }
    ]
    values = {"ApprovalsPending": 2, "OldestApprovalSeconds": 1.5, "provider": "telnyx"}
    assert line == {"stack": "pointsman-test", "stage": "dev", **values}


@pytest.mark.parametrize(("name", "value"), [("STACK_NAME", "other"), ("STAGE", "staging")])
def test_another_stack_writes_another_metric(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    metrics.emit_metrics({"OperationsLeaked": 1})
    monkeypatch.setenv(name, value)
    metrics.emit_metrics({"OperationsLeaked": 1})
    first, second = ((line["stack"], line["stage"]) for line in read_lines(capsys))
    assert first != second


def test_no_variable_of_powertools_adds_a_dimension(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "somebody")
    metrics.emit_metrics({"OperationsLeaked": 1})
    (line,) = read_lines(capsys)
    assert line.keys() == {"_aws", "stack", "stage", "OperationsLeaked"}


def test_a_missing_stack_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STACK_NAME")
    with pytest.raises(MissingSetting, match="STACK_NAME"):
        metrics.emit_metrics({"OperationsLeaked": 1})


def call_provider(*responses: httpx.Response) -> None:
    """Send a GET, which is retried, to a provider that gives these responses in turn."""
    remaining = list(responses)
    transport = Transport(mock_transport(lambda _request: remaining.pop(0)), sleep=lambda _seconds: None)
    client = HttpClient(
        "acme",
        "http://provider.test",
        token="x",
        timeout=5,
        parse_error_body=lambda _status, _body: ErrorBody(),
        transport=transport,
    )
    client.get("things.get", "/things", parse=lambda body: body)
    assert remaining == []


def test_calls_are_counted_by_attempt_and_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit_provider_calls()  # Those of earlier tests of this process.
    read_lines(capsys)
    call_provider(httpx.Response(503), httpx.Response(429), httpx.Response(200, json={}))
    metrics.count_provider_call("model", failed=False)
    assert read_lines(capsys) == []
    metrics.emit_provider_calls()
    lines = read_lines(capsys)
    assert [(line["provider"], line["ProviderCalls"], line["ProviderFailures"]) for line in lines] == [
        ("acme", 3, 2),
        ("model", 1, 0),
    ]
    metrics.emit_provider_calls()
    assert read_lines(capsys) == []


@pytest.mark.parametrize(("status", "failures"), [(404, 0), (401, 1), (402, 1), (422, 1)])
def test_a_missing_resource_is_no_failure_of_the_provider(
    capsys: pytest.CaptureFixture[str], status: int, failures: int
) -> None:
    metrics.emit_provider_calls()
    read_lines(capsys)
    with pytest.raises(ProviderError):
        call_provider(httpx.Response(status, json={}))
    metrics.emit_provider_calls()
    (line,) = read_lines(capsys)
    assert (line["ProviderCalls"], line["ProviderFailures"]) == (1, failures)


def test_a_refused_connection_is_a_metric(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", "postgresql://user:planted-secret@127.0.0.1:1/db")
    connection.close()
    with pytest.raises(DatabaseUnavailable):
        connection.run_in_transaction(lambda _db: None)
    (line,) = read_lines(capsys)
    assert line["DatabaseRefused"] == 1
    assert "planted-secret" not in str(line)
