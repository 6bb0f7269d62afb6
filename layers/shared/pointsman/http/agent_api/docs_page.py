"""The page of the documentation: Scalar's API reference over our document, all of it served by us."""

import gzip
import html
import json
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response

from ...errors import DocsUnavailable, NotFound

__all__ = ["SCALAR_CONFIGURATION", "render_page", "serve_asset"]

SCALAR_CONFIGURATION = {
    "url": "openapi.json",
    "defaultOpenAllTags": True,
    "showDeveloperTools": "never",
    "hideClientButton": True,
    "documentDownloadType": "direct",
    "persistAuth": False,
    "proxyUrl": "",
    "withDefaultFonts": False,
    "telemetry": False,
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
    "externalUrls": {"dashboardUrl": "", "registryUrl": "", "proxyUrl": "", "apiBaseUrl": ""},
}
"""Scalar's own settings. From `proxyUrl` on they turn off what would ask third parties."""

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load. Whatever a new Scalar would like to reach elsewhere, the browser refuses."""

_PAGE_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pointsman API</title>
<link rel="icon" href="data:,">
</head>
<body>
<noscript>This page needs JavaScript. The document that it shows is <a href="openapi.json">openapi.json</a>.</noscript>
<script id="api-reference" data-configuration="{configuration}"></script>
<script src="docs/{script}"></script>
</body>
</html>
"""
"""Addresses are relative to `{prefix}/docs`, so they hold wherever the API is mounted."""

_SECURITY_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


def render_page(folder: Path) -> Response:
    """The page. `folder` holds Scalar's script. Raises DocsUnavailable where it does not."""
    text = _PAGE_TEMPLATE.format(
        configuration=html.escape(json.dumps(SCALAR_CONFIGURATION)), script=_find_script(folder).stem
    )
    headers = {"cache-control": "no-cache", "content-security-policy": _CONTENT_SECURITY_POLICY, **_SECURITY_HEADERS}
    return Response(text, media_type="text/html", headers=headers)


def serve_asset(folder: Path, name: str, request_headers: Mapping[str, str]) -> Response:
    """The script, compressed for who takes that; its name holds its version, so it may be kept for ever.

    `headers` are the request's, in lower case. Raises NotFound for any other name, and DocsUnavailable.
    """
    script = _find_script(folder)
    if name != script.stem:
        raise NotFound(f"There is no {name[:100]!r} here")
    compressed = _accepts_gzip(request_headers.get("accept-encoding", "gzip"))
    etag = f'"{name}{".gz" if compressed else ""}"'
    response_headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": etag,
        "vary": "accept-encoding",
        **_SECURITY_HEADERS,
    }
    if etag in request_headers.get("if-none-match", ""):
        return Response(status_code=304, headers=response_headers)
    body = script.read_bytes()
    if compressed:
        response_headers["content-encoding"] = "gzip"
    return Response(
        body if compressed else gzip.decompress(body), media_type="text/javascript", headers=response_headers
    )


def _find_script(folder: Path) -> Path:
    found = sorted(folder.glob("scalar-*.js.gz"))
    if not found:
        raise DocsUnavailable("Scalar's script is not there; `make run`, `make test` and `make build` fetch it")
    return found[-1]


def _accepts_gzip(accept_encoding: str) -> bool:
    """What Accept-Encoding says of gzip; without that header everything is welcome (RFC 9110, 12.5.3)."""
    qualities: dict[str, str] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        qualities[coding.strip()] = parameter.strip().removeprefix("q=") or "1"
    gzip_quality = qualities.get("gzip", qualities.get("*", "0"))
    try:
        return float(gzip_quality) > 0
    except ValueError:
        return False
