"""GET /console: the page for people who run the fleet, and the files that it loads."""

from pathlib import Path

from pointsman.http.console import render_page, serve_file
from pointsman.http.services_api.app import create_app, lambda_handler

from fastapi import Request
from fastapi.responses import Response

ASSETS = Path(__file__).with_name("assets")

app = create_app()
handler = lambda_handler(app, public_method="GET")


@app.get("/console")
async def get_console_page() -> Response:
    return render_page(ASSETS)


@app.get("/console/{asset}")
async def get_console_asset(asset: str, request: Request) -> Response:
    return serve_file(ASSETS, asset, request.headers)
