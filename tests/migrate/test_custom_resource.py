"""The migration as CloudFormation asks for it: it always gets an answer, and a rollback always succeeds."""

import importlib
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pointsman.workflows import custom_resource
from pointsman.workflows.custom_resource import RESPONSE_MARGIN_SECONDS, ResponseNotDelivered
from tests.harness.database import connect
from tests.migrate.conftest import Migration
from tests.migrate.legacy_databases import column_names, execute, fetch_rows

SIGNATURE = "planted-signature-of-the-url"
OLD, NEW = "1795902413", "1795902999"
EVENT = {
    "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:MigrateFunction",
    "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/pointsman/11111111",
    "RequestId": "22222222-3333-4444-5555-666666666666",
    "LogicalResourceId": "Migration",
    "ResourceType": "Custom::Migration",
    "ResourceProperties": {"Release": NEW, "Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:SharedLayer:2"]},
}


class ResponseBucket:
    """CloudFormation's side: it keeps what is PUT, and refuses the first `refusals`."""

    def __init__(self, url: str, attempts: list[dict[str, Any]]) -> None:
        self.url = url
        self.attempts = attempts
        self.refusals = 0

    @property
    def response(self) -> dict[str, Any]:
        assert len(self.attempts) == self.refusals + 1
        return json.loads(self.attempts[-1]["body"])


@pytest.fixture
def bucket() -> Iterator[ResponseBucket]:
    attempts: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            attempts.append({"body": body, "type": self.headers["Content-Type"], "path": self.path})
            self.send_response(503 if len(attempts) <= bucket.refusals else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_line: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        bucket = ResponseBucket(f"http://127.0.0.1:{server.server_port}/stack?X-Amz-Signature={SIGNATURE}", attempts)
        try:
            yield bucket
        finally:
            server.shutdown()
            thread.join()


class Context:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def deploy(bucket: ResponseBucket, request_type: str = "Create", *, seconds: float = 300, **changes: object) -> None:
    event = {**EVENT, "RequestType": request_type, "ResponseURL": bucket.url, **changes}
    assert importlib.import_module("migration.migrate").handler(event, Context(seconds)) == {}


def rollback(bucket: ResponseBucket) -> None:
    deploy(
        bucket,
        "Update",
        PhysicalResourceId="schema",
        ResourceProperties={"Release": OLD},
        OldResourceProperties={"Release": NEW},
    )


def find_revision(url: str) -> str:
    return fetch_rows(url, "SELECT version_num FROM pointsman_schema_version")[0]["version_num"]


def test_a_create_migrates_and_answers(services_migration: Migration, bucket: ResponseBucket) -> None:
    deploy(bucket)
    assert bucket.response == {
        "Status": "SUCCESS",
        "Reason": "The databases are up to date",
        "PhysicalResourceId": "schema",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/pointsman/11111111",
        "RequestId": "22222222-3333-4444-5555-666666666666",
        "LogicalResourceId": "Migration",
    }
    assert "instance_id" in column_names(services_migration.services, "instance_infra")
    # S3 has signed the request without a content type.
    assert [(attempt["type"], SIGNATURE in attempt["path"]) for attempt in bucket.attempts] == [("", True)]


def test_an_update_keeps_the_id(services_migration: Migration, bucket: ResponseBucket) -> None:
    services_migration()
    deploy(bucket, "Update", PhysicalResourceId="as-it-was", OldResourceProperties={"Release": OLD})
    assert (bucket.response["Status"], bucket.response["PhysicalResourceId"]) == ("SUCCESS", "as-it-was")


def test_a_delete_touches_nothing(bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    deploy(bucket, "Delete", PhysicalResourceId="schema")
    assert bucket.response["Status"] == "SUCCESS"


def test_a_failure_says_why_without_a_secret(
    bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", "postgresql://u:planted-password@127.0.0.1:9/none")
    caplog.set_level(logging.DEBUG)
    deploy(bucket)
    assert bucket.response["Status"] == "FAILED"
    assert "deploy again" in bucket.response["Reason"]
    output = capsys.readouterr()
    for text in (str(bucket.response), output.out, output.err, caplog.text):
        assert "planted-password" not in text
        assert SIGNATURE not in text


def test_an_unexpected_error_is_answered_without_its_text(
    bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_drop: bool) -> None:
        raise KeyError("planted-text")

    monkeypatch.setattr(importlib.import_module("migration.migrate"), "migrate", fail)
    deploy(bucket)
    assert bucket.response["Reason"] == "Unexpected KeyError; the function's log of this request tells where"


def test_a_rollback_succeeds_while_the_database_is_down(
    bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    rollback(bucket)
    assert bucket.response["Status"] == "SUCCESS"


def test_a_rollback_leaves_the_newer_schema(services_migration: Migration, bucket: ResponseBucket) -> None:
    services_migration()
    execute(services_migration.services, "UPDATE pointsman_schema_version SET version_num = '9999'")
    rollback(bucket)
    assert bucket.response["Status"] == "SUCCESS"
    assert find_revision(services_migration.services) == "9999"


def test_an_older_release_can_be_deployed_on_a_newer_schema(
    services_migration: Migration, bucket: ResponseBucket
) -> None:
    services_migration()
    execute(services_migration.services, "UPDATE pointsman_schema_version SET version_num = '9999'")
    deploy(bucket, "Update", OldResourceProperties={"Release": OLD}, ResourceProperties={"Release": NEW})
    assert bucket.response["Status"] == "SUCCESS"
    assert find_revision(services_migration.services) == "9999"


def test_an_unknown_revision_that_is_not_newer_fails(services_migration: Migration, bucket: ResponseBucket) -> None:
    services_migration()
    execute(services_migration.services, "UPDATE pointsman_schema_version SET version_num = 'abcd'")
    deploy(bucket)
    assert bucket.response["Status"] == "FAILED"
    assert "abcd" in bucket.response["Reason"]


def test_a_lock_is_not_waited_for_longer_than_the_function_runs(
    services_migration: Migration, bucket: ResponseBucket
) -> None:
    services_migration()
    with connect(services_migration.services, autocommit=False) as other_session:
        other_session.execute("LOCK TABLE instance_infra IN ACCESS EXCLUSIVE MODE")
        execute(services_migration.services, "UPDATE pointsman_schema_version SET version_num = '0002'")
        deploy(bucket, seconds=RESPONSE_MARGIN_SECONDS + 0.5)
        assert (bucket.response["Status"], "ran out of time" in bucket.response["Reason"]) == ("FAILED", True)
    assert find_revision(services_migration.services) == "0002"


def test_no_time_at_all_is_answered_too(bucket: ResponseBucket) -> None:
    deploy(bucket, seconds=RESPONSE_MARGIN_SECONDS - 1)
    assert bucket.response["Status"] == "FAILED"


def test_an_answer_that_is_refused_is_sent_again(services_migration: Migration, bucket: ResponseBucket) -> None:
    bucket.refusals = 2
    deploy(bucket)
    assert bucket.response["Status"] == "SUCCESS"


def test_an_answer_that_nobody_takes_is_an_error_so_that_lambda_runs_the_event_again(
    services_migration: Migration, bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_resource.time, "sleep", lambda _seconds: None)
    bucket.refusals = 99
    with pytest.raises(ResponseNotDelivered, match="HTTP status 503") as caught:
        deploy(bucket)
    assert SIGNATURE not in str(caught.value)


def test_only_https_is_answered(bucket: ResponseBucket) -> None:
    with pytest.raises(Exception, match="ResponseURL has to be an https address"):
        deploy(bucket, "Delete", ResponseURL="http://example.invalid/")
    assert bucket.attempts == []
