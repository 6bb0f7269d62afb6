"""The authorizer of the Services API, which the HTTP API calls before every route but `GET /healthz`.

It accepts wrong credentials without an identity, because the gateway cannot send the contract's 401; the endpoints
reject requests without an identity. So an endpoint that has no authorizer rejects every request.
"""

from typing import Any

from pointsman.identity.api_key import is_services_api_key


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Compare the bearer token with the API key; the context's `caller` is `services` or empty."""
    # The HTTP API sends names in lower case, `sam local` capitalized.
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    scheme, _, token = str(headers.get("authorization", "")).partition(" ")
    is_services_client = is_services_api_key(token.strip() if scheme.lower() == "bearer" else "")
    return {"isAuthorized": True, "context": {"caller": "services" if is_services_client else ""}}
