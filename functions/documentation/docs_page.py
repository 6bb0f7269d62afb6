"""GET /docs: this documentation as a page, and the script that it runs."""

from pathlib import Path

from pointsman.http.agent_api import docs_page
from pointsman.http.agent_api.app import create_app, lambda_handler
from pointsman.http.agent_api.route_spec import describe_agent_route

from fastapi import Request
from fastapi.responses import Response

ASSETS = Path(__file__).with_name("assets")

app = create_app()
handler = lambda_handler(app, lambda scope: scope["method"] == "GET")


@app.get("/docs", openapi_extra=describe_agent_route(None, "DOCS_UNAVAILABLE", public=True, media_type="text/html"))
async def get_docs_page() -> Response:
    """Return the page."""
    return docs_page.render_page(ASSETS)


@app.get(
    "/docs/{asset}",
    summary="The script of that page",
    openapi_extra=describe_agent_route(
        None, "NOT_FOUND", "DOCS_UNAVAILABLE", public=True, media_type="text/javascript"
    ),
)
async def get_docs_asset(asset: str, request: Request) -> Response:
    """Return a file that the page needs."""
    return docs_page.serve_asset(ASSETS, asset, request.headers)
