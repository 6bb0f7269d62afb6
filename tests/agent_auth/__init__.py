"""Tests of the Agent API's authorizer: header, API key, JWT.

The authorizer's handler is called in this process; `token_issuer` signs tokens and publishes keys.
`test_over_http` runs two bundles with it.
"""
