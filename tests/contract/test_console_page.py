"""The console's page and files over HTTP: who gets them, caching, policy, and a build that is missing."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.stack.stack import Stack
from pointsman.errors import ConsoleUnavailable, NotFound
from pointsman.http import console
from tests.harness.clients import open_client
from tests.harness.paths import CHECKOUT

ASSETS = CHECKOUT / "functions" / "console" / "assets"


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with open_client(stack.url) as client:
        yield client


def list_loaded(client: httpx.Client) -> list[str]:
    """The paths of what the page loads."""
    return re.findall(r'(?:src|href)="(/console/[^"]+)"', client.get("/console").text)


def test_page_is_public_asked_for_each_time_and_says_where_the_agent_api_is(client: httpx.Client) -> None:
    response = client.get("/console")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["cache-control"] == "no-cache"
    assert 'data-api-prefix="/api"' in response.text


def test_policy_allows_nothing_inline_and_no_other_origin(client: httpx.Client) -> None:
    policy = client.get("/console").headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
        "img-src": "'self' data:", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip


def test_files_are_public_compressed_and_cacheable_for_ever(client: httpx.Client) -> None:
    paths = list_loaded(client)
    assert {Path(path).suffix for path in paths} == {".js", ".css"}
    for path in paths:
        response = client.get(path)
        assert (response.status_code, response.headers["content-encoding"]) == (200, "gzip")
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-type"].partition(";")[0] in ("text/javascript", "text/css")
        assert response.content == gzip.decompress((ASSETS / f"{Path(path).name}.gz").read_bytes())
        again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_client_without_gzip_gets_the_plain_file(client: httpx.Client) -> None:
    response = client.get(list_loaded(client)[0], headers={"Accept-Encoding": "identity"})
    assert (response.status_code, "content-encoding" in response.headers) == (200, False)


@pytest.mark.parametrize("name", ["index-old.js", "index.html", "..%2Fconsole_page.py", "%2E%2E"])
def test_other_names_are_404_in_the_services_apis_shape(client: httpx.Client, name: str) -> None:
    response = client.get(f"/console/{name}")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


def test_other_methods_need_the_key_as_everywhere(client: httpx.Client) -> None:
    assert client.post("/console").status_code == 401


def test_an_idempotency_key_changes_nothing(client: httpx.Client) -> None:
    assert client.get("/console", headers={"Idempotency-Key": "one"}).status_code == 200


def test_a_build_that_is_missing_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConsoleUnavailable, match=r"make run.*make build") as caught:
        console.render_page(tmp_path)
    assert caught.value.status == 503
    with pytest.raises(NotFound):
        console.serve_file(tmp_path, "index.js", {})


def test_the_prefix_of_a_deployment_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text('<html data-api-prefix="%API_PREFIX%">')
    monkeypatch.setenv("API_PREFIX", "/v1")
    assert bytes(console.render_page(tmp_path).body) == b'<html data-api-prefix="/v1">'
