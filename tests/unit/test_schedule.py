"""What a scheduled function answers, raises and logs: counts, safe messages, never a foreign error's text."""

import pytest

from pointsman.errors import DatabaseUnavailable
from pointsman.lifecycle.schedule import RunFailed, scheduled

EVENT = {"id": "53dc4d37", "detail": {}}
SECRET = "postgresql://user:planted-secret@db"


def logged(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = caplog.records
    return vars(record)


def test_counts_are_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert scheduled("sweep", lambda _event: {"seen": 3})(EVENT, None) == {"seen": 3}
    line = logged(caplog)
    assert (line["msg"], line["result"]) == ("run done", {"seen": 3})
    assert (line["schedule"], line["request_id"]) == ("sweep", "53dc4d37")


def test_an_error_of_ours_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event) -> dict[str, object]:
        raise DatabaseUnavailable("The database cannot be reached")

    with pytest.raises(RunFailed, match="sweep: The database cannot be reached"):
        scheduled("sweep", fail)(EVENT, None)
    line = logged(caplog)
    assert (line["levelname"], line["code"]) == ("ERROR", "DATABASE_UNAVAILABLE")


def test_an_unexpected_error_tells_its_kind_and_place_only(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event) -> dict[str, object]:
        raise RuntimeError(SECRET)

    with pytest.raises(RunFailed) as raised:
        scheduled("sweep", fail)(EVENT, None)
    assert str(raised.value) == "sweep: unexpected RuntimeError"
    assert raised.value.__suppress_context__
    line = logged(caplog)
    assert line["error"] == "RuntimeError"
    assert "in fail" in str(line["place"])
    assert "planted-secret" not in str(line)
