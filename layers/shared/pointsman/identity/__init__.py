"""Identification of callers: of the Agent API by header, API key or bearer token, as AGENT_AUTH says.

Entry points, for the authorizers only: `origin.has_origin_secret`, `caller.identify_caller`;
`api_key.is_services_api_key` for the Services API, whose callers share one key. Other functions take the caller from
the request context that the authorizer fills.

`caller` loads `tokens` and `jwks` only in the mode `jwt`, as PyJWT and cryptography are slow to import. No key and no
token is logged or part of a message.
"""
