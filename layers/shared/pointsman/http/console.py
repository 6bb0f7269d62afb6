"""The console's page and files, as `make console` builds them. They hold no secret; a person signs in on the page."""

import html
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response

from ..errors import ConsoleUnavailable, NotFound
from ..settings.api import load_api_prefix
from .static_files import SECURITY_HEADERS, serve_compressed

__all__ = ["render_page", "serve_file"]

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Nothing inline runs, no other host is contacted, and no other page frames this one."""

_PREFIX_PLACEHOLDER = "%API_PREFIX%"
"""In the built page: where the Agent API is. A deployment chooses that, a build does not know it."""


def render_page(folder: Path) -> Response:
    """Render the page.

    Args:
        folder: the folder with the built files.

    Raises:
        ConsoleUnavailable: they were not built.
    """
    page = folder / "index.html"
    if not page.is_file():
        raise ConsoleUnavailable("The console is not there; `make run`, `make test` and `make build` build it")
    text = page.read_text(encoding="utf-8").replace(_PREFIX_PLACEHOLDER, html.escape(load_api_prefix()))
    headers = {"cache-control": "no-cache", "content-security-policy": _CONTENT_SECURITY_POLICY, **SECURITY_HEADERS}
    return Response(text, media_type="text/html", headers=headers)


def serve_file(folder: Path, name: str, request_headers: Mapping[str, str]) -> Response:
    """Make the response with a file that the page loads.

    Args:
        folder: the folder with the built files, each as `{name}.gz`.
        name: the file that is requested.
        request_headers: with lower-case names.

    Raises:
        NotFound: there is no such file; a page of an older version asks for its own.
    """
    # Compared with what is there, so that no name leads out of the folder.
    for file in folder.glob("*.gz"):
        if file.stem == name:
            return serve_compressed(file, request_headers)
    raise NotFound(f"There is no {name[:100]!r} here")
