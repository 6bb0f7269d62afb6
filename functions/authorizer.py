"""The authorizer of the Services API, which the HTTP API calls before every route but `GET /healthz`.

It accepts wrong credentials without an identity, because the gateway cannot send the contract's 401; the endpoints
reject requests without an identity. So an endpoint that has no authorizer rejects every request.
"""

import hmac
from typing import Any

from pointsman.identity.models import NOT_THROUGH_CLOUDFRONT
from pointsman.identity.origin import has_origin_secret
from pointsman.settings.api import load_services_api_key


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Compare the bearer token with the API key; the context's `caller` is `services` or empty, its `problem` why."""
    if not has_origin_secret(event):
        return {"isAuthorized": True, "context": {"caller": "", "problem": NOT_THROUGH_CLOUDFRONT}}
    scheme, _, token = str(event.get("headers", {}).get("authorization", "")).partition(" ")
    key = load_services_api_key()
    is_services_client = scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), key.encode())
    return {"isAuthorized": True, "context": {"caller": "services" if is_services_client else ""}}
