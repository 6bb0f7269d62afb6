"""Who is calling: the HTTP API asks this before every route but `GET /healthz`.

It lets wrong credentials through as nobody, because the gateway cannot send the contract's own 401; functions refuse
callers without identity. So a route that somebody forgets to protect refuses everybody.
"""

import hmac
from typing import Any

from pointsman.settings.api import load_services_api_key


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    scheme, _, token = str(event.get("headers", {}).get("authorization", "")).partition(" ")
    key = load_services_api_key()
    is_services_client = scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), key.encode())
    return {"isAuthorized": True, "context": {"caller": "services" if is_services_client else ""}}
