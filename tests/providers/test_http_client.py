"""The providers' HTTP client: mapping of failures, retries, deletions, redaction."""

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import InvalidInput, ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.http_transport import TRANSPORT_FAILURES
from pointsman.providers.http_client import HttpClient
from pointsman.providers.http_response import ErrorBody, quote_path_segment
from pointsman.redaction import redact, redact_code
from tests.providers.conftest import ScriptedServer

TOKEN = "sk-or-v1-the-very-secret-token"


def parse_error_body(status, body):
    return ErrorBody(message=body["message"], code=body.get("code", "")) if isinstance(body, dict) else ErrorBody()


def make_client(scripted_server: ScriptedServer, *, url="http://provider.test/v1", token=TOKEN, reset=None):
    return HttpClient(
        "acme",
        url,
        token=token,
        timeout=5,
        parse_error_body=parse_error_body,
        rate_limit_reset_unit=reset,
        transport=scripted_server.transport,
    )


def accept(body):
    """Take any JSON object for the success of a call."""
    return body


def delete(client, exists=lambda: True):
    """Delete `/x/1`, where an empty 204 is a success and 202 the beginning of one."""
    outcomes = {204: "deleted", 202: "accepted"}
    return client.delete(
        "s", "/x/1", existing_path="/x", classify=lambda response: outcomes.get(response.status), exists=exists
    )


def httpx_exceptions():
    found, pending = set(), [httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError]
    while pending:
        kind = pending.pop()
        found.add(kind)
        pending += kind.__subclasses__()
    public = {value for value in vars(httpx).values() if isinstance(value, type) and issubclass(value, Exception)}
    return sorted((found | public), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", [kind for kind in httpx_exceptions() if kind.__module__.partition(".")[0] == "httpx"])
def test_every_exception_of_httpx_is_mapped_by_name(kind):
    assert kind in TRANSPORT_FAILURES


@pytest.mark.parametrize("kind", sorted(TRANSPORT_FAILURES, key=lambda kind: kind.__name__))
def test_every_exception_of_httpx_becomes_a_provider_error(kind, scripted_server: Callable[..., ScriptedServer]):
    request = httpx.Request("GET", "http://provider.test/")
    if kind is httpx.HTTPStatusError:
        error = kind("x", request=request, response=httpx.Response(500))
    else:
        error = kind() if issubclass(kind, httpx.StreamError) and kind is not httpx.StreamError else kind("x")
    with pytest.raises((ProviderRejected, ProviderUnavailable)) as raised:
        make_client(scripted_server(error)).send("thing.get", "GET", "/things")
    assert raised.value.step == "thing.get"
    assert raised.value.provider == "acme"
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_without_a_connection_nothing_was_done(kind, scripted_server: Callable[..., ScriptedServer]):
    with pytest.raises(ProviderUnavailable) as raised:
        make_client(scripted_server(kind("x"))).send("thing.make", "POST", "/things", body={})
    assert not raised.value.outcome_unknown
    assert not isinstance(raised.value, ProviderTimeout)


@pytest.mark.parametrize(
    "kind", [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]
)
def test_without_a_response_the_outcome_is_unknown(kind, scripted_server: Callable[..., ScriptedServer]):
    with pytest.raises(ProviderTimeout) as raised:
        make_client(scripted_server(kind("x"))).send("thing.make", "POST", "/things", body={})
    assert raised.value.outcome_unknown


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "invalid"),
        (401, "unauthorized"),
        (402, "limit"),
        (403, "unauthorized"),
        (404, "not_found"),
        (409, "other"),
        (410, "not_found"),
        (418, "other"),
        (422, "invalid"),
        (302, "invalid"),
    ],
)
def test_an_error_status_gives_a_reason(status, reason, scripted_server: Callable[..., ScriptedServer]):
    with pytest.raises(ProviderRejected) as raised:
        make_client(scripted_server(httpx.Response(status, json={"message": "no"}))).send("s", "GET", "/x")
    assert raised.value.reason == reason


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 524, 529])
@pytest.mark.parametrize("content", [b"<html>bad gateway</html>", b"", b'{"message":"down"}'])
def test_a_server_error_leaves_the_outcome_unknown(status, content, scripted_server: Callable[..., ScriptedServer]):
    with pytest.raises(ProviderUnavailable) as raised:
        make_client(scripted_server(httpx.Response(status, content=content))).send("s", "POST", "/x", body={})
    assert raised.value.outcome_unknown
    assert "html" not in str(raised.value)


@pytest.mark.parametrize("content", [b"error code: 1015", b"", b'{"message":"slow down"}', b"[1]", b"\xff\xfe"])
def test_429_is_a_throttle_whatever_its_body_is(content, scripted_server: Callable[..., ScriptedServer]):
    with pytest.raises(ProviderUnavailable) as raised:
        make_client(scripted_server(httpx.Response(429, content=content, headers={"Retry-After": "7"}))).send(
            "s", "POST", "/x"
        )
    assert not raised.value.outcome_unknown
    assert raised.value.retry_after == 7


@pytest.mark.parametrize("content", [b"<html>", b"{", b"\xff", b"[" * 100_000])
def test_a_2xx_without_json_leaves_the_outcome_unknown(content, scripted_server: Callable[..., ScriptedServer]):
    with pytest.raises(ProviderUnavailable) as raised:
        make_client(scripted_server(httpx.Response(200, content=content))).mutate("s", "POST", "/x", {}, parse=accept)
    assert raised.value.outcome_unknown


def test_retry_after_is_parsed_as_seconds_date_or_reset(scripted_server: Callable[..., ScriptedServer]):
    def retry_after(headers, reset=None):
        with pytest.raises(ProviderUnavailable) as raised:
            make_client(scripted_server(httpx.Response(429, headers=headers)), reset=reset).send("s", "GET", "/x")
        return raised.value.retry_after

    assert retry_after({"Retry-After": "1.5"}) == 1.5
    assert retry_after({"Retry-After": formatdate(time.time() + 100, usegmt=True)}) == pytest.approx(100, abs=2)
    assert retry_after({"Retry-After": formatdate(time.time() - 100, usegmt=True)}) == 0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({"Retry-After": "inf"}) is None
    assert retry_after({"X-RateLimit-Reset": "9"}) is None
    assert retry_after({"X-RateLimit-Reset": "9"}, "seconds") == 9
    assert retry_after({"X-RateLimit-Reset": str(time.time() + 30)}, "epoch") == pytest.approx(30, abs=2)
    assert retry_after({"X-RateLimit-Reset": "9", "Retry-After": "2"}, "seconds") == 2


def test_reads_are_retried_twice_with_exponential_backoff_and_jitter(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(503), httpx.ReadTimeout("x"), httpx.Response(200, json={"ok": 1}))
    assert make_client(server).get("s", "/x", parse=accept) == {"ok": 1}
    assert len(server.requests) == 3
    assert 0.1 <= server.sleeps[0] <= 0.3
    assert 0.2 <= server.sleeps[1] <= 0.6

    server = scripted_server(httpx.Response(503))
    with pytest.raises(ProviderUnavailable):
        make_client(server).get("s", "/x", parse=accept)
    assert len(server.requests) == 3


def test_retry_after_is_respected_up_to_two_seconds(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(429, headers={"Retry-After": "1.8"}), httpx.Response(200, json={}))
    make_client(server).get("s", "/x", parse=accept)
    assert server.sleeps == [1.8]

    server = scripted_server(httpx.Response(429, headers={"Retry-After": "3"}))
    with pytest.raises(ProviderUnavailable):
        make_client(server).get("s", "/x", parse=accept)
    assert len(server.requests) == 1


def test_rejections_are_not_retried(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(404, json={"message": "no"}))
    with pytest.raises(ProviderRejected):
        make_client(server).get("s", "/x", parse=accept)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [httpx.Response(500), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), httpx.Response(200, text="?")],
)
def test_a_mutation_is_never_retried_after_an_unknown_outcome(failure, scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(failure)
    with pytest.raises(ProviderUnavailable):
        make_client(server).mutate("s", "POST", "/x", {}, parse=accept)
    assert len(server.requests) == 1
    assert server.sleeps == []


@pytest.mark.parametrize("failure", [httpx.Response(429), httpx.ConnectError("x")])
def test_a_mutation_is_retried_if_nothing_was_done(failure, scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(failure, httpx.Response(201, json={"id": 1}))
    assert make_client(server).mutate("s", "POST", "/x", {}, parse=accept) == {"id": 1}
    assert len(server.requests) == 2


def test_no_retry_starts_after_the_deadline(scripted_server: Callable[..., ScriptedServer]):
    times = iter([0.0, 14.9, 30.0])
    server = scripted_server(httpx.ReadTimeout("x"))
    client_with_clock = make_client(server)
    client_with_clock.transport = type(client_with_clock.transport)(
        server.transport.http_transport, server.transport.sleep, lambda: next(times)
    )
    with pytest.raises(ProviderTimeout):
        client_with_clock.get("s", "/x", parse=accept)
    assert len(server.requests) == 1


def test_a_deletion_returns_whether_the_resource_existed(scripted_server: Callable[..., ScriptedServer]):
    assert delete(make_client(scripted_server(httpx.Response(404, json={"message": "no"})))) == "gone"
    assert delete(make_client(scripted_server(httpx.Response(404)))) == "gone"
    assert delete(make_client(scripted_server(httpx.Response(204)))) == "deleted"
    assert delete(make_client(scripted_server(httpx.Response(202)))) == "accepted"


def test_a_404_after_a_lost_response_counts_as_deleted(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.RemoteProtocolError("x"), httpx.Response(404, json={"message": "no"}))
    assert delete(make_client(server)) == "deleted"
    server = scripted_server(httpx.ConnectError("x"), httpx.Response(404, json={"message": "no"}))
    assert delete(make_client(server)) == "gone"


def test_a_404_without_json_counts_only_if_the_existing_path_responds(scripted_server: Callable[..., ScriptedServer]):
    nowhere = scripted_server(httpx.Response(404, text="<html>Not Found</html>"))
    with pytest.raises(ProviderRejected):
        delete(make_client(nowhere))
    assert [request.url.path for request in nowhere.requests] == ["/v1/x/1", "/v1/x"]

    plain = scripted_server(httpx.Response(404, text="Not Found"), httpx.Response(200, json={"data": []}))
    assert delete(make_client(plain)) == "gone"


def test_a_rejected_deletion_is_an_error(scripted_server: Callable[..., ScriptedServer]):
    with pytest.raises(ProviderRejected) as raised:
        delete(make_client(scripted_server(httpx.Response(403, json={"message": "no"}))))
    assert raised.value.reason == "unauthorized"


@pytest.mark.parametrize(
    "leak",
    [
        TOKEN,
        "Bearer abcdef",
        "sk-or-v1-0123456789",
        "KEY0198ABCDEF_xyz",
        "am_us_0123456789",
        "0x" + "ab" * 32,
        "ab" * 16,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ],
)
def test_no_message_holds_a_secret(leak, scripted_server: Callable[..., ScriptedServer]):
    message = f"the key {leak} is not good"
    for status in (400, 429, 500):
        with pytest.raises((ProviderRejected, ProviderUnavailable)) as raised:
            make_client(scripted_server(httpx.Response(status, json={"message": message, "code": leak}))).send(
                "s", "GET", "/x"
            )
        assert leak not in str(raised.value)
        assert leak not in repr(raised.value)
        assert "is not good" in str(raised.value)


def test_secrets_of_the_request_are_redacted_and_messages_shortened(scripted_server: Callable[..., ScriptedServer]):
    response = httpx.Response(400, json={"message": "bad value hunter22! " + "x\n" * 500})
    with pytest.raises(ProviderRejected) as raised:
        make_client(scripted_server(response)).send("s", "POST", "/x", body={}, secrets=["hunter22!"])
    assert "hunter22" not in str(raised.value)
    assert len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


def test_ordinary_words_are_not_redacted():
    text = "KEY not found: monkeys and keyboards in am_x, task sk-1, +15550100"
    assert redact(text) == text
    assert redact_code("limit_exceeded") == "limit_exceeded"
    assert redact_code("<b>") == "?"


@pytest.mark.parametrize("token", ["with\nnewline", "schlüssel-ключ"])
def test_a_credential_that_is_no_valid_header_is_rejected_without_showing_it(token, simulator_url: str):
    bad = HttpClient("acme", simulator_url, token=token, timeout=5, parse_error_body=parse_error_body)
    with pytest.raises(ProviderRejected) as raised:
        bad.get("s", "/", parse=accept)
    assert token not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("url", ["provider.test", "ftp://provider.test", "http://[", "http://127.0.0.1:99999"])
def test_a_malformed_url_is_a_provider_error(url):
    with pytest.raises((ProviderRejected, ProviderUnavailable)) as raised:
        HttpClient("acme", url, token="t", timeout=1, parse_error_body=parse_error_body).send("s", "GET", "/")
    assert raised.value.step == "s"


def test_a_refused_connection_means_that_nothing_was_done():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    unreachable = HttpClient(
        "acme", f"http://127.0.0.1:{port}", token="t", timeout=1, parse_error_body=parse_error_body
    )
    with pytest.raises(ProviderUnavailable) as raised:
        unreachable.send("s", "POST", "/", body={})
    assert not raised.value.outcome_unknown


def test_a_server_that_does_not_respond_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as server:
        impatient_client = HttpClient(
            "acme",
            f"http://127.0.0.1:{server.getsockname()[1]}",
            token="t",
            timeout=0.1,
            parse_error_body=parse_error_body,
        )
        with pytest.raises(ProviderTimeout):
            impatient_client.send("s", "GET", "/")


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, sim: SimulatorClient):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    direct = HttpClient("acme", sim.base_urls.openrouter, token="t", timeout=5, parse_error_body=parse_error_body)
    assert direct.get("s", "/keys", parse=accept) == {"data": []}


def test_no_repr_shows_a_credential(scripted_server: Callable[..., ScriptedServer]):
    client = make_client(scripted_server(httpx.Response(200, json={})), url=f"http://provider.test/?key={TOKEN}")
    assert TOKEN not in repr(client)


def test_a_deleted_client_leaves_no_open_socket(sim: SimulatorClient):
    client = HttpClient("acme", sim.base_urls.openrouter, token="t", timeout=5, parse_error_body=parse_error_body)
    client.get("s", "/keys", parse=accept)
    del client
    gc.collect()


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_an_id_that_names_another_path_is_invalid(value):
    with pytest.raises(InvalidInput):
        quote_path_segment(value)


def test_ids_are_percent_encoded():
    assert quote_path_segment("+1555") == "%2B1555"
    assert quote_path_segment("a/b@c?d#e") == "a%2Fb%40c%3Fd%23e"


def test_providers_do_not_import_heavy_modules():
    code = (
        "import sys; import pointsman.providers.railway, pointsman.providers.openrouter,"
        "pointsman.providers.agentmail, pointsman.providers.telnyx.provider;"
        "print({'pydantic', 'fastapi', 'starlette', 'boto3', 'tenacity', 'psycopg'} & {*sys.modules})"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": paths}
    )
    assert done.stdout.strip() == "set()"
