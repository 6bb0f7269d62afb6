"""API Gateway: serves the routes of the template over HTTP and invokes their functions.

Owns routing, authorizers, the event and response formats of both kinds of API, streaming to clients, and the control
API below `/_local/`. Never reads the template itself and never starts a process. Entry points: `gateway.Gateway`,
`listener.bind_listener`.
"""
