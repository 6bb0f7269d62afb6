"""A scheduled function returns and logs counts, and raises safe messages, never a foreign error's text."""

import json

import pytest

from pointsman.errors import DatabaseUnavailable
from pointsman.workflows.handlers import RunFailed, scheduled_handler

EVENT = {"id": "53dc4d37", "detail": {}}
SECRET = "postgresql://user:planted-secret@db"


def get_logged_line(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = caplog.records
    return vars(record)


def test_counts_are_returned_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert scheduled_handler("sweep", lambda _event: {"seen": 3})(EVENT, None) == {"seen": 3}
    line = get_logged_line(caplog)
    assert (line["msg"], line["result"]) == ("run done", {"seen": 3})
    assert (line["schedule"], line["request_id"]) == ("sweep", "53dc4d37")


def test_a_completed_run_is_a_metric_but_a_dry_or_failed_one_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    def read_metrics() -> list[dict[str, object]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]

    scheduled_handler("sweep", lambda _event: {})(EVENT, None)
    (line,) = read_metrics()
    assert (line["ScheduleCompleted"], line["schedule"]) == (1, "sweep")
    scheduled_handler("sweep", lambda _event: {})({**EVENT, "dry": True}, None)
    with pytest.raises(RunFailed):
        scheduled_handler("sweep", lambda _event: {}["missing"])(EVENT, None)
    assert read_metrics() == []


def test_a_pointsman_error_is_reported_with_its_message(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event) -> dict[str, object]:
        raise DatabaseUnavailable("The database cannot be reached")

    with pytest.raises(RunFailed, match="sweep: The database cannot be reached"):
        scheduled_handler("sweep", fail)(EVENT, None)
    line = get_logged_line(caplog)
    assert (line["levelname"], line["code"]) == ("ERROR", "DATABASE_UNAVAILABLE")


def test_an_unexpected_error_is_reported_by_class_and_place_only(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event) -> dict[str, object]:
        raise RuntimeError(SECRET)

    with pytest.raises(RunFailed) as raised:
        scheduled_handler("sweep", fail)(EVENT, None)
    assert str(raised.value) == "sweep: unexpected RuntimeError"
    assert raised.value.__suppress_context__
    line = get_logged_line(caplog)
    assert line["error"] == "RuntimeError"
    assert "in fail" in str(line["place"])
    assert "planted-secret" not in str(line)
