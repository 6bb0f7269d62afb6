"""The documentation page: Scalar's API reference for the bundle's OpenAPI document. Both are served from the bundle."""

import html
import json
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response

from ...errors import DocsUnavailable, NotFound
from ..static_files import SECURITY_HEADERS, serve_compressed

__all__ = ["render_page", "serve_asset"]

_SCALAR_CONFIGURATION = {
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
"""Scalar's settings (https://scalar.com). From `proxyUrl` on they turn off what sends requests to third parties."""

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The browser blocks all requests to third parties, those of a newer version of Scalar too."""

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
"""URLs are relative to `{prefix}/docs`, so they do not depend on the prefix."""


def render_page(folder: Path) -> Response:
    """Render the page.

    Args:
        folder: the folder with Scalar's script, `scalar-{version}.js.gz`.

    Raises:
        DocsUnavailable: the script was not packed.
    """
    text = _PAGE_TEMPLATE.format(
        configuration=html.escape(json.dumps(_SCALAR_CONFIGURATION)), script=_find_script(folder).stem
    )
    headers = {"cache-control": "no-cache", "content-security-policy": _CONTENT_SECURITY_POLICY, **SECURITY_HEADERS}
    return Response(text, media_type="text/html", headers=headers)


def serve_asset(folder: Path, name: str, request_headers: Mapping[str, str]) -> Response:
    """Make the response with the script, whose name holds its version.

    Args:
        folder: the folder with Scalar's script.
        name: the file that is requested, without `.gz`.
        request_headers: with lower-case names.

    Raises:
        NotFound: the name is not the script's.
        DocsUnavailable: the script was not packed.
    """
    script = _find_script(folder)
    if name != script.stem:
        raise NotFound(f"There is no {name[:100]!r} here")
    return serve_compressed(script, request_headers)


def _find_script(folder: Path) -> Path:
    scripts = sorted(folder.glob("scalar-*.js.gz"))
    if not scripts:
        raise DocsUnavailable("Scalar's script is not there; `make run`, `make test` and `make build` fetch it")
    return scripts[-1]
