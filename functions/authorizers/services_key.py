"""The authorizer of the Services API, which the HTTP API calls before every route but `GET /healthz`.

It accepts wrong credentials without an identity, because the gateway cannot send the contract's 401; the endpoints
reject requests without an identity. So an endpoint that has no authorizer rejects every request. The same holds where a
setting is missing or wrong, which the endpoints answer with 503.
"""

from typing import Any

from pointsman import deadlines
from pointsman.errors import SecretsUnavailable, SettingError
from pointsman.identity.api_key import is_services_api_key, is_services_read_api_key
from pointsman.identity.failures import report_failure
from pointsman.identity.models import NOT_THROUGH_CLOUDFRONT
from pointsman.identity.origin import has_origin_secret
from pointsman.identity.request_headers import get_bearer_token


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Compare the bearer token with the API keys.

    The context's `caller` is `services`, with the key that can only read `services-read`, else empty; `problem` is why.
    """
    try:
        with deadlines.begin(context):
            identity_context = _identify(event)
    except (SettingError, SecretsUnavailable) as error:
        identity_context = {"caller": "", "problem": report_failure(error)}
    return {"isAuthorized": True, "context": identity_context}


def _identify(event: dict[str, Any]) -> dict[str, str]:
    if not has_origin_secret(event):
        return {"caller": "", "problem": NOT_THROUGH_CLOUDFRONT}
    key = get_bearer_token(event)
    return {
        "caller": "services" if is_services_api_key(key) else "services-read" if is_services_read_api_key(key) else ""
    }
