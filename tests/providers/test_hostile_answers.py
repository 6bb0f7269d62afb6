"""Answers without an end in time or size, over real sockets: each is bounded, and says what is known of the call."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pointsman import deadlines
from pointsman.concurrent_calls import call_all, call_both
from pointsman.errors import ProviderTimeout, ProviderUnavailable
from pointsman.providers.http_client import MAX_BODY_BYTES, HttpClient
from pointsman.providers.http_response import ErrorBody
from tests.harness.hostile_server import (
    DRIPS,
    Answer,
    endless_body,
    endless_head,
    gzip_bomb,
    send_body,
    serve_hostile,
)
from tests.harness.lambda_context import LambdaContext
from tests.harness.python_process import run_python

FAR_LESS_SECONDS = 20.0
"""Drips go on for a minute. A call that is bounded by a second ends before this on any machine."""


def make_client(url: str, timeout: float = 0.5) -> HttpClient:
    return HttpClient("acme", url, token="t", timeout=timeout, parse_error_body=lambda _status, _body: ErrorBody())


@contextmanager
def ends_early() -> Iterator[None]:
    started_at = time.monotonic()
    yield
    assert time.monotonic() - started_at < FAR_LESS_SECONDS


@pytest.mark.limit("provider-call-time")
@pytest.mark.parametrize("answer", DRIPS.values(), ids=DRIPS)
def test_an_answer_that_drips_ends_with_the_timeout_of_the_call(answer: Answer) -> None:
    with serve_hostile(answer) as url, ends_early(), pytest.raises(ProviderTimeout) as raised:
        make_client(url).send("thing.make", "POST", "/things", body={})
    assert raised.value.outcome_unknown
    assert raised.value.message.startswith("acme thing.make: no answer")


@pytest.mark.limit("provider-work-of-an-invocation")
@pytest.mark.parametrize("answer", DRIPS.values(), ids=DRIPS)
def test_all_attempts_together_end_with_the_invocations_deadline(answer: Answer) -> None:
    with serve_hostile(answer) as url, ends_early(), deadlines.begin(LambdaContext(5)):
        client = make_client(url, timeout=600)
        with pytest.raises(ProviderTimeout):
            client.get("thing.get", "/things", parse=lambda body: body)
        assert not deadlines.seconds_left()
        assert deadlines.seconds_left_to_record() > 0
        with pytest.raises(ProviderTimeout, match="no time is left") as raised:
            client.send("thing.make", "POST", "/things", body={})
        assert not raised.value.outcome_unknown
        assert list(client.poll([60, 60])) == [0, 1, 2]


def test_a_deadline_holds_in_the_threads_of_concurrent_calls() -> None:
    with deadlines.begin(LambdaContext(100)):
        found = [deadlines.seconds_left() for _ in range(1)]
        found += [left for left in call_all([deadlines.seconds_left] * 3) if isinstance(left, float)]
        found += call_both(deadlines.seconds_left, deadlines.seconds_left)
    assert len(found) == 6
    assert all(80 < left <= 96 for left in found)
    assert deadlines.seconds_left() == deadlines.seconds_left_to_record() == float("inf")


def test_an_inner_deadline_never_extends_the_outer_one() -> None:
    with deadlines.begin(LambdaContext(30), 10), deadlines.begin(LambdaContext(100)), deadlines.limit(50):
        assert deadlines.seconds_left() <= 7
        assert deadlines.seconds_left_to_record() <= 10
    with deadlines.begin(object()):
        assert deadlines.seconds_left() == float("inf")


@pytest.mark.limit("provider-answer")
def test_an_answer_may_be_as_large_as_the_limit_and_no_larger() -> None:
    fitting = b'{"x": "' + b"x" * (MAX_BODY_BYTES - 9) + b'"}'
    assert len(fitting) == MAX_BODY_BYTES
    with serve_hostile(send_body(fitting)) as url:
        assert len(make_client(url, 30).get("s", "", parse=lambda body: body)["x"]) == MAX_BODY_BYTES - 9  # type: ignore[arg-type]
    with serve_hostile(send_body(fitting + b" ")) as url, pytest.raises(ProviderUnavailable) as raised:
        make_client(url, 30).mutate("thing.make", "POST", "/things", {}, parse=lambda body: body)
    assert raised.value.outcome_unknown
    assert raised.value.message == "acme thing.make: the answer cannot be read (over 2 MiB)"


def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(json.dumps({"x": "y" * 200_000}).encode())
    with serve_hostile(send_body(body, b"Content-Encoding: gzip")) as url:
        assert make_client(url, 30).get("s", "", parse=lambda body: body) == {"x": "y" * 200_000}


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"no gzip", b"Content-Encoding: gzip"),
        (b"\x1f\x8b\x08\x00", b"Content-Encoding: gzip"),
        (b"{}", b"Content-Encoding: br"),
        (b"{}", b"Content-Encoding: gzip, gzip"),
    ],
)
def test_an_unreadable_answer_has_an_unknown_outcome(body: bytes, header: bytes) -> None:
    with serve_hostile(send_body(body, header)) as url, pytest.raises(ProviderUnavailable) as raised:
        make_client(url, 30).send("thing.make", "POST", "/things", body={})
    assert raised.value.outcome_unknown


HOSTILE_BODIES: dict[str, Callable[[], Answer]] = {
    "endless head": lambda: endless_head,
    "endless body": lambda: endless_body,
    "400 MB": lambda: send_body(b" " * 1_000_000, times=400),
    "gzip bomb": lambda: gzip_bomb(300),
    "deep JSON": lambda: send_body(b"[" * MAX_BODY_BYTES),
    "wide JSON": lambda: send_body(b"[" + b"{}," * (MAX_BODY_BYTES // 3 - 1) + b"{}]"),
    "a number of many digits": lambda: send_body(b'{"x": ' + b"9" * (MAX_BODY_BYTES - 7) + b"}"),
}
FUNCTION_BYTES = 512 * 1024 * 1024


@pytest.mark.limit("provider-answer")
@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_function_stays_far_below_its_memory_whatever_is_answered(name: str) -> None:
    with serve_hostile(HOSTILE_BODIES[name]()) as url:
        peak = json.loads(run_python(MEASURE_PEAK, URL=url))
    print(name, peak / 1e6)
    assert peak < FUNCTION_BYTES / 2


MEASURE_PEAK = """
import os
from pointsman.errors import ProviderError
from pointsman.providers.http_client import HttpClient
from pointsman.providers.http_response import ErrorBody

url = os.environ["URL"]
client = HttpClient("acme", url, token="t", timeout=60, parse_error_body=lambda _status, _body: ErrorBody())
for method in ("GET", "POST"):
    try:
        client.send("things", method, "/things", body=None if method == "GET" else {})
    except ProviderError:
        pass
# Not of getrusage, which counts what the parent had when it forked.
(line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(line.split()[1]) * 1024)
"""
