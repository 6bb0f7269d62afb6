"""The authorizers: who calls. One module and one Lambda for each API; the gateways ask them before each route.

Owns: the answer to the gateway, which always lets a request through, with or without an identity.
Never: rejects; the endpoints do, in their API's shape.
Entry point: `handler` of each module, called by the HTTP API and the REST API.
"""
