"""The documentation page and its script: content, caching, policy, and a missing script."""

import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.lambda_service.invocation import MAX_PAYLOAD_BYTES
from local.stack.stack import Stack
from pointsman.errors import DocsUnavailable, NotFound
from pointsman.http.agent_api import docs_page
from tests.harness.paths import CHECKOUT

ASSETS = CHECKOUT / "functions" / "documentation" / "assets"
SCRIPT = next(ASSETS.glob("scalar-*.js.gz"), None)
assert SCRIPT, "Scalar's script is not there; make test fetches it"
UNCOMPRESSED_SCRIPT = gzip.decompress(SCRIPT.read_bytes())


@pytest.fixture
def docs_url(stack: Stack) -> str:
    return f"{stack.url}/api/docs"


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=60, verify=False)


def test_page_is_served_without_authentication_and_links_to_its_own_origin_only(docs_url: str) -> None:
    response = get(docs_url)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "//" not in re.sub(r"<!doctype html>", "", response.text)
    assert re.findall(r'src="([^"]+)"', response.text) == [f"docs/{SCRIPT.stem}"]
    assert response.headers["cache-control"] == "no-cache"


def test_policy_allows_the_own_origin_only(docs_url: str) -> None:
    policy = dict(part.strip().split(" ", 1) for part in get(docs_url).headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert not [source for sources in policy.values() for source in sources.split() if "." in source or "*" in source]


def test_scalar_is_configured_to_contact_no_other_host(docs_url: str) -> None:
    (attribute,) = re.findall(r'data-configuration="([^"]+)"', get(docs_url).text)
    configuration = json.loads(html.unescape(attribute))
    assert configuration["url"] == "openapi.json"
    assert (configuration["proxyUrl"], configuration["telemetry"], configuration["withDefaultFonts"]) == (
        "",
        False,
        False,
    )
    assert not any(configuration["externalUrls"].values())


def test_script_is_compressed_and_cacheable_for_ever(docs_url: str) -> None:
    response = get(f"{docs_url}/{SCRIPT.stem}", **{"Accept-Encoding": "gzip, br"})
    assert (response.status_code, response.headers["content-encoding"]) == (200, "gzip")
    assert response.content == UNCOMPRESSED_SCRIPT
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in response.headers["cache-control"]
    revalidation = get(
        f"{docs_url}/{SCRIPT.stem}", **{"Accept-Encoding": "gzip", "If-None-Match": response.headers["etag"]}
    )
    assert (revalidation.status_code, revalidation.content) == (304, b"")


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "*;q=0"])
def test_script_is_uncompressed_for_clients_without_gzip(docs_url: str, accepted: str) -> None:
    response = get(f"{docs_url}/{SCRIPT.stem}", **{"Accept-Encoding": accepted})
    assert (response.status_code, "content-encoding" in response.headers, response.content == UNCOMPRESSED_SCRIPT) == (
        200,
        False,
        True,
    )


def test_script_fits_lambdas_payload_limit_in_both_encodings() -> None:
    assert len(json.dumps(UNCOMPRESSED_SCRIPT.decode())) < MAX_PAYLOAD_BYTES * 0.9
    assert SCRIPT.stat().st_size * 4 / 3 < MAX_PAYLOAD_BYTES * 0.9


@pytest.mark.parametrize("name", ["scalar-0.0.1.js", "..%2Fdocs.py", "nothing"])
def test_other_assets_are_404(docs_url: str, name: str) -> None:
    response = get(f"{docs_url}/{name}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("what", [docs_page.render_page, lambda folder: docs_page.serve_asset(folder, SCRIPT.stem, {})])
def test_page_without_its_script_names_the_command_to_run(tmp_path: Path, what: Any) -> None:
    with pytest.raises(DocsUnavailable, match=r"make run.*make build") as caught:
        what(tmp_path)
    assert caught.value.status == 503


def test_asset_of_another_name_is_not_found() -> None:
    with pytest.raises(NotFound):
        docs_page.serve_asset(ASSETS, "../docs.py", {})
