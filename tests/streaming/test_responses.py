"""Responses and errors as the Runtime API receives them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streaming.runtime_harness import ROOT, WAIT_SECONDS, WRAPPER, RuntimeHarness, make_rest_event, make_url_event


@pytest.fixture(scope="module")
def runtime() -> Iterator[RuntimeHarness]:
    with RuntimeHarness("sample.app") as harness:
        yield harness


@pytest.fixture
def fresh_runtime() -> Iterator[RuntimeHarness]:
    with RuntimeHarness("sample.app") as harness:
        yield harness


def event_for(name: str) -> dict:
    return make_rest_event(path=f"/{name}")


def assert_works(runtime: RuntimeHarness) -> None:
    response = runtime.call(event_for("stream"))
    response.read_prelude()
    assert response.read_remaining_chunks() == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]


def test_a_response_is_a_prelude_and_a_chunk_for_each_message(runtime: RuntimeHarness) -> None:
    response = runtime.call(event_for("stream"))
    assert response.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert response.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert response.headers["transfer-encoding"] == "chunked"
    trailer = response.headers["trailer"]
    assert trailer == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    expected = {"statusCode": 200, "headers": {"content-type": "text/event-stream"}, "cookies": []}
    assert response.read_prelude() == expected
    assert response.read_remaining_chunks() == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
    assert response.complete
    assert response.trailers == {}


def test_chunks_are_sent_while_the_app_runs(runtime: RuntimeHarness, tmp_path: Path) -> None:
    (tmp_path / "0").touch()
    response = runtime.call(make_url_event(path="/steps", rawQueryString=str(tmp_path)))
    response.read_prelude()
    for number in range(3):
        (tmp_path / str(number)).touch()
        assert response.next_chunk() == str(number).encode()
    assert response.read_remaining_chunks() == []


def test_headers_with_several_values_and_cookies(runtime: RuntimeHarness) -> None:
    response = runtime.call(event_for("headers"))
    assert response.read_prelude() == {"statusCode": 201, "headers": {"x-a": "1, 2"}, "cookies": ["a=1", "b=2; Path=/"]}
    assert response.read_json() is None


def test_an_empty_body_is_sent_as_one_byte(runtime: RuntimeHarness) -> None:
    response = runtime.call(event_for("empty"))
    assert response.read_prelude()["statusCode"] == 204
    assert response.read_remaining_chunks() == [b"\n"]


def test_a_large_body_is_complete(runtime: RuntimeHarness) -> None:
    response = runtime.call(event_for("big"))
    response.read_prelude()
    assert sum(len(chunk) for chunk in response.read_remaining_chunks()) == 4_000_000


def test_headers_over_the_gateways_limit_are_an_error(runtime: RuntimeHarness) -> None:
    error = runtime.call(event_for("long"))
    assert error.kind == "error"
    assert "16384 bytes" in error.read_json()["errorMessage"]


@pytest.mark.parametrize(("name", "kind"), [
    ("early", "ValueError"), ("nothing", "Runtime.NoResponse"), ("wrong", "RuntimeError"),
])  # fmt: skip
def test_an_error_before_the_first_byte_is_reported(runtime: RuntimeHarness, name: str, kind: str) -> None:
    error = runtime.call(event_for(name))
    assert error.kind == "error"
    assert error.headers["lambda-runtime-function-error-type"] == kind
    report = error.read_json()
    assert report["errorType"] == kind
    assert name != "early" or report["errorMessage"] == "no good\nat all"
    assert name != "early" or "sample.py" in report["stackTrace"][-1]
    assert_works(runtime)


@pytest.mark.parametrize(("name", "kind"), [("late", "LookupError"), ("open", "Runtime.NoResponse")])
def test_an_error_after_the_first_byte_comes_in_trailers(runtime: RuntimeHarness, name: str, kind: str) -> None:
    response = runtime.call(event_for(name))
    response.read_prelude()
    assert response.read_remaining_chunks() == [b"some"]
    assert response.trailers["lambda-runtime-function-error-type"] == kind
    assert response.read_trailer_error()["errorType"] == kind
    assert_works(runtime)


def test_the_message_of_a_third_party_exception_is_not_reported(fresh_runtime: RuntimeHarness) -> None:
    report = fresh_runtime.call(event_for("foreign")).read_json()
    assert (report["errorType"], report["errorMessage"]) == ("ThirdPartyError", "")
    assert "hunter2" not in fresh_runtime.stop_and_read_output()


def test_a_message_after_the_end_is_an_error_of_the_app_only(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("after"))
    response.read_prelude()
    assert response.read_remaining_chunks() == [b"1"]
    assert response.trailers == {}
    assert_works(fresh_runtime)
    assert "http.response.body is not what an ASGI app may send now" in fresh_runtime.stop_and_read_output()


def test_disconnect_is_received_once_the_response_has_ended(fresh_runtime: RuntimeHarness) -> None:
    fresh_runtime.call(event_for("disconnect")).read_remaining_chunks()
    assert_works(fresh_runtime)
    assert 'received ["http.request", false, "http.disconnect"]' in fresh_runtime.stop_and_read_output()


def test_a_broken_connection_is_an_oserror_and_the_next_invocation_works(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("broken"))
    response.read_prelude()
    response.break_connection()
    assert_works(fresh_runtime)
    output = fresh_runtime.stop_and_read_output()
    assert "disconnected True http.disconnect" in output
    assert "[INFO] a response was cut: the client has disconnected" in output
    assert "[ERROR]" not in output


def test_a_broken_connection_is_received_by_an_app_that_does_not_send(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("idle"))
    response.read_prelude()
    assert response.next_chunk() == b"x"
    response.break_connection()
    assert_works(fresh_runtime)
    output = fresh_runtime.stop_and_read_output()
    assert "idle http.disconnect" in output
    assert "[ERROR]" not in output


def test_a_response_that_is_not_read_is_cut_and_the_next_invocation_works(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("impatient"))
    response.read_prelude()
    assert response.next_chunk() == b"x"
    fresh_runtime.is_reading.clear()
    # The next request for an event comes while nothing of the rest is read.
    fresh_runtime.invoke(event_for("stream"))
    fresh_runtime.is_reading.set()
    response.read_remaining_chunks()
    assert not response.complete
    assert fresh_runtime.next_post().read_remaining_chunks()[1:] == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
    output = fresh_runtime.stop_and_read_output()
    assert "[INFO] a response was cut: the client does not read" in output
    assert "[ERROR]" not in output


def test_an_app_whose_client_does_not_read_is_cancelled_before_the_deadline(fresh_runtime: RuntimeHarness) -> None:
    """Its failure cannot be reported to the client, for which nothing waits."""
    fresh_runtime.is_reading.clear()
    fresh_runtime.call(event_for("endless"), seconds=1.5)
    fresh_runtime.invoke(event_for("stream"))
    fresh_runtime.is_reading.set()
    assert "Runtime.DeadlineExceeded" in fresh_runtime.stop_and_read_output()


def test_the_runtime_continues_after_a_rejected_response(fresh_runtime: RuntimeHarness) -> None:
    fresh_runtime.response_status = 413
    fresh_runtime.call(event_for("stream")).read_remaining_chunks()
    fresh_runtime.response_status = 202
    assert_works(fresh_runtime)
    assert "answers 413" in fresh_runtime.stop_and_read_output()


def test_work_of_the_app_after_its_response_is_completed(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("background"))
    assert response.read_remaining_chunks()[1:] == [b"1"]
    assert_works(fresh_runtime)
    assert "afterwards True" in fresh_runtime.stop_and_read_output()


def test_an_app_is_cancelled_before_the_deadline(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("forever"), seconds=1.5)
    response.read_prelude()
    assert response.read_remaining_chunks() == [b"started"]
    assert response.read_trailer_error()["errorType"] == "Runtime.DeadlineExceeded"
    assert_works(fresh_runtime)
    assert "cleaned True" in fresh_runtime.stop_and_read_output()


def test_an_app_may_end_its_response_when_it_is_cancelled(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("graceful"), seconds=1.5)
    response.read_prelude()
    assert response.read_remaining_chunks() == [b"started", b"reconnect"]
    assert response.trailers == {}


def test_an_app_that_sends_nothing_until_the_deadline_is_an_error(fresh_runtime: RuntimeHarness) -> None:
    error = fresh_runtime.call(event_for("silent"), seconds=0.7)
    assert (error.kind, error.read_json()["errorType"]) == ("error", "Runtime.DeadlineExceeded")


def test_sigterm_between_invocations_ends_the_runtime(fresh_runtime: RuntimeHarness) -> None:
    assert_works(fresh_runtime)
    assert fresh_runtime.next_requests.acquire(timeout=WAIT_SECONDS)
    fresh_runtime.process.send_signal(signal.SIGTERM)
    assert fresh_runtime.wait_for_exit() == (0, "")


def test_sigterm_during_a_response_cancels_the_app_and_ends_the_runtime(fresh_runtime: RuntimeHarness) -> None:
    response = fresh_runtime.call(event_for("forever"))
    response.read_prelude()
    assert response.next_chunk() == b"started"
    fresh_runtime.process.send_signal(signal.SIGTERM)
    assert response.read_remaining_chunks() == []
    assert response.read_trailer_error()["errorType"] == "Runtime.Shutdown"
    code, log = fresh_runtime.wait_for_exit()
    assert code == 0
    assert "cleaned True" in log


def test_a_second_sigterm_kills_an_app_that_ignores_cancellation(fresh_runtime: RuntimeHarness) -> None:
    fresh_runtime.invoke(event_for("stubborn"))
    while fresh_runtime.process.poll() is None:
        fresh_runtime.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    assert fresh_runtime.process.returncode in (-signal.SIGTERM, 0)


def test_an_app_that_exits_ends_the_process(fresh_runtime: RuntimeHarness) -> None:
    fresh_runtime.invoke(event_for("exit"))
    assert fresh_runtime.wait_for_exit()[0] == 3


@pytest.mark.parametrize(("handler", "kind", "message"), [
    ("broken.app", "Runtime.ImportModuleError", "Unable to import module 'broken': No module named 'does_not_exist'"),
    ("nowhere.app", "Runtime.ImportModuleError", "Unable to import module 'nowhere': No module named 'nowhere'"),
    ("sample.none", "Runtime.HandlerNotFound", "Handler 'none' missing on module 'sample'"),
    ("raising.app", "RuntimeError", "not today"),
])  # fmt: skip
def test_an_app_that_cannot_be_loaded_is_an_init_error(handler: str, kind: str, message: str) -> None:
    with RuntimeHarness(handler) as runtime:
        error = runtime.next_post()
        assert error.path == "/2018-06-01/runtime/init/error"
        assert error.headers["lambda-runtime-function-error-type"] == kind
        report = error.read_json()
        assert (report["errorType"], report["errorMessage"]) == (kind, message)
        code, log = runtime.wait_for_exit()
        assert code == 1
        assert f"[ERROR] {kind}: {message}" in log


def test_the_runtime_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, pointsman.streaming.runtime; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'layers/shared')!r}); {code}"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    own_modules = {name for name in loaded if name.startswith("pointsman")}
    assert {name for name in own_modules if not name.startswith("pointsman.streaming")} == {"pointsman"}
    # Modules that .pth files of installed packages load into every interpreter begin with an underscore.
    top_levels = {name.partition(".")[0] for name in loaded}
    assert {name for name in top_levels - sys.stdlib_module_names if not name.startswith("_")} == {"pointsman"}


def test_the_wrapper_is_executable() -> None:
    assert os.access(WRAPPER, os.X_OK)
