"""Cross-origin requests to the Agent API (CORS), for apps with and without FastAPI."""

from typing import TYPE_CHECKING

from ...errors import InvalidSetting
from ...misconfiguration import report_misconfiguration
from ...settings.api import load_cors_origins

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["add_cors"]


def add_cors(app: "ASGIApp") -> "ASGIApp":
    """Wrap an ASGI app in Starlette's CORS middleware if the settings allow any origin.

    The settings are read, and the middleware is imported, at the first request: neither costs anything at a cold start
    of a function that allows no other origin.
    """
    wrapped_app: ASGIApp | None = None

    async def cors_app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        nonlocal wrapped_app
        wrapped_app = wrapped_app or _wrap(app)
        await wrapped_app(scope, receive, send)

    return cors_app


def _wrap(app: "ASGIApp") -> "ASGIApp":
    try:
        origins = load_cors_origins()
    except InvalidSetting as error:
        # All but browsers of other origins can be served.
        report_misconfiguration(error)
        origins = []
    if not origins:
        return app
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["x-request-id", "retry-after"],
    )
