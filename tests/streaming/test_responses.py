"""Responses as the Runtime API sees them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streaming.runtime import ROOT, WAIT, WRAPPER, Runtime, rest_event, url_event


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with Runtime("things.app") as running:
        yield running


@pytest.fixture
def fresh() -> Iterator[Runtime]:
    with Runtime("things.app") as running:
        yield running


def to(what: str) -> dict:
    return rest_event(path=f"/{what}")


def works(runtime: Runtime) -> None:
    response = runtime.call(to("stream"))
    response.prelude()
    assert response.rest() == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]


def test_a_response_is_a_prelude_and_a_chunk_for_each_message(runtime: Runtime) -> None:
    response = runtime.call(to("stream"))
    assert response.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert response.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert response.headers["transfer-encoding"] == "chunked"
    trailer = response.headers["trailer"]
    assert trailer == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    expected = {"statusCode": 200, "headers": {"content-type": "text/event-stream"}, "cookies": []}
    assert response.prelude() == expected
    assert response.rest() == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
    assert response.complete
    assert response.trailers == {}


def test_chunks_are_sent_while_the_app_runs(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "0").touch()
    response = runtime.call(url_event(path="/steps", rawQueryString=str(tmp_path)))
    response.prelude()
    for number in range(3):
        (tmp_path / str(number)).touch()
        assert response.chunk() == str(number).encode()
    assert response.rest() == []


def test_headers_with_several_values_and_cookies(runtime: Runtime) -> None:
    response = runtime.call(to("headers"))
    assert response.prelude() == {"statusCode": 201, "headers": {"x-a": "1, 2"}, "cookies": ["a=1", "b=2; Path=/"]}
    assert response.json() is None


def test_an_empty_body_has_one_byte_all_the_same(runtime: Runtime) -> None:
    response = runtime.call(to("empty"))
    assert response.prelude()["statusCode"] == 204
    assert response.rest() == [b"\n"]


def test_a_large_body_passes(runtime: Runtime) -> None:
    response = runtime.call(to("big"))
    response.prelude()
    assert sum(len(chunk) for chunk in response.rest()) == 4_000_000


def test_headers_over_the_gateways_limit_are_an_error(runtime: Runtime) -> None:
    error = runtime.call(to("long"))
    assert error.kind == "error"
    assert "16384 bytes" in error.json()["errorMessage"]


@pytest.mark.parametrize(("what", "kind"), [
    ("early", "ValueError"), ("nothing", "Runtime.NoResponse"), ("wrong", "RuntimeError"),
])  # fmt: skip
def test_an_error_before_the_first_byte_is_reported(runtime: Runtime, what: str, kind: str) -> None:
    error = runtime.call(to(what))
    assert error.kind == "error"
    assert error.headers["lambda-runtime-function-error-type"] == kind
    told = error.json()
    assert told["errorType"] == kind
    assert what != "early" or told["errorMessage"] == "no good\nat all"
    assert what != "early" or "things.py" in told["stackTrace"][-1]
    works(runtime)


@pytest.mark.parametrize(("what", "kind"), [("late", "LookupError"), ("open", "Runtime.NoResponse")])
def test_an_error_after_the_first_byte_comes_in_trailers(runtime: Runtime, what: str, kind: str) -> None:
    response = runtime.call(to(what))
    response.prelude()
    assert response.rest() == [b"some"]
    assert response.trailers["lambda-runtime-function-error-type"] == kind
    assert response.error()["errorType"] == kind
    works(runtime)


def test_a_foreign_exceptions_text_is_told_to_nobody(fresh: Runtime) -> None:
    told = fresh.call(to("foreign")).json()
    assert (told["errorType"], told["errorMessage"]) == ("Strange", "")
    assert "hunter2" not in fresh.log()


def test_what_comes_after_the_end_is_the_apps_error_and_not_the_clients(fresh: Runtime) -> None:
    response = fresh.call(to("after"))
    response.prelude()
    assert response.rest() == [b"1"]
    assert response.trailers == {}
    works(fresh)
    assert "http.response.body is not what an ASGI app may send now" in fresh.log()


def test_disconnect_is_received_once_the_response_has_ended(fresh: Runtime) -> None:
    fresh.call(to("disconnect")).rest()
    works(fresh)
    assert 'seen ["http.request", false, "http.disconnect"]' in fresh.log()


def test_a_response_that_breaks_is_an_oserror_and_the_next_invocation_works(fresh: Runtime) -> None:
    response = fresh.call(to("broken"))
    response.prelude()
    response.cut()
    works(fresh)
    assert "told True http.disconnect" in fresh.log()


def test_a_response_that_breaks_is_received_by_an_app_that_does_not_send(fresh: Runtime) -> None:
    response = fresh.call(to("idle"))
    response.prelude()
    assert response.chunk() == b"x"
    response.cut()
    works(fresh)
    assert "idle http.disconnect" in fresh.log()


def test_a_response_that_is_refused_is_not_the_end(fresh: Runtime) -> None:
    fresh.status = 413
    fresh.call(to("stream")).rest()
    fresh.status = 202
    works(fresh)
    assert "answers 413" in fresh.log()


def test_what_an_app_does_after_its_response_is_waited_for(fresh: Runtime) -> None:
    response = fresh.call(to("background"))
    assert response.rest()[1:] == [b"1"]
    works(fresh)
    assert "afterwards True" in fresh.log()


def test_an_app_is_cancelled_before_the_deadline(fresh: Runtime) -> None:
    response = fresh.call(to("forever"), seconds=1.5)
    response.prelude()
    assert response.rest() == [b"begun"]
    assert response.error()["errorType"] == "Runtime.DeadlineExceeded"
    works(fresh)
    assert "cleaned True" in fresh.log()


def test_an_app_may_end_its_response_when_it_is_cancelled(fresh: Runtime) -> None:
    response = fresh.call(to("graceful"), seconds=1.5)
    response.prelude()
    assert response.rest() == [b"begun", b"reconnect"]
    assert response.trailers == {}


def test_an_app_that_sends_nothing_until_the_deadline_is_an_error(fresh: Runtime) -> None:
    error = fresh.call(to("silent"), seconds=0.7)
    assert (error.kind, error.json()["errorType"]) == ("error", "Runtime.DeadlineExceeded")


def test_sigterm_between_events_ends_it(fresh: Runtime) -> None:
    works(fresh)
    assert fresh.asked.acquire(timeout=WAIT)
    fresh.process.send_signal(signal.SIGTERM)
    assert fresh.ends() == (0, "")


def test_sigterm_during_a_response_cancels_the_app_and_ends_it(fresh: Runtime) -> None:
    response = fresh.call(to("forever"))
    response.prelude()
    assert response.chunk() == b"begun"
    fresh.process.send_signal(signal.SIGTERM)
    assert response.rest() == []
    assert response.error()["errorType"] == "Runtime.Shutdown"
    code, log = fresh.ends()
    assert code == 0
    assert "cleaned True" in log


def test_a_second_sigterm_ends_an_app_that_does_not_listen(fresh: Runtime) -> None:
    fresh.invoke(to("stubborn"))
    while fresh.process.poll() is None:
        fresh.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    assert fresh.process.returncode in (-signal.SIGTERM, 0)


def test_an_app_that_ends_the_process_ends_it(fresh: Runtime) -> None:
    fresh.invoke(to("exit"))
    assert fresh.ends()[0] == 3


@pytest.mark.parametrize(("handler", "kind", "message"), [
    ("broken.app", "Runtime.ImportModuleError", "Unable to import module 'broken': No module named 'does_not_exist'"),
    ("nowhere.app", "Runtime.ImportModuleError", "Unable to import module 'nowhere': No module named 'nowhere'"),
    ("things.none", "Runtime.HandlerNotFound", "Handler 'none' missing on module 'things'"),
    ("raising.app", "RuntimeError", "not today"),
])  # fmt: skip
def test_an_app_that_cannot_be_loaded_is_told_at_the_start(handler: str, kind: str, message: str) -> None:
    with Runtime(handler) as runtime:
        error = runtime.post()
        assert error.path == "/2018-06-01/runtime/init/error"
        assert error.headers["lambda-runtime-function-error-type"] == kind
        told = error.json()
        assert (told["errorType"], told["errorMessage"]) == (kind, message)
        code, log = runtime.ends()
        assert code == 1
        assert f"[ERROR] {kind}: {message}" in log


def test_the_runtime_needs_nothing_but_the_standard_library() -> None:
    told = "import sys, pointsman.streaming.runtime; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'layers/shared')!r}); {told}"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    ours = {name for name in loaded if name.startswith("pointsman")}
    assert {name for name in ours if not name.startswith("pointsman.streaming")} == {"pointsman"}
    # What installed packages put into every interpreter by .pth files begins with an underscore.
    tops = {name.partition(".")[0] for name in loaded}
    assert {name for name in tops - sys.stdlib_module_names if not name.startswith("_")} == {"pointsman"}


def test_the_wrapper_may_be_run() -> None:
    assert os.access(WRAPPER, os.X_OK)
