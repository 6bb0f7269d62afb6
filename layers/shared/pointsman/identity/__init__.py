"""Identification of the Agent API's caller: by header, API key or bearer token, as AGENT_AUTH says.

Entry points: `caller.identify_caller` and `origin.has_origin_secret`, for the authorizers only. Other functions take
the caller from the request context that the authorizer fills.

`caller` loads `tokens` and `jwks` only in the mode `jwt`, as PyJWT and cryptography are slow to import. No key and no
token is logged or part of a message.
"""
