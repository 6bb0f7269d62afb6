"""The Lambda runtime of functions that stream: the loop between Lambda's Runtime API and an ASGI app.

Owns the loop (`runtime`), the Runtime API's HTTP (`runtime_api`, `http1`), events as ASGI scopes (`asgi`), streamed
responses (`response`) and error objects (`errors`). Never knows what an app does; imports only the standard library,
nothing of the rest of the layer, and is imported by nothing.

Entry point: `python -m pointsman.streaming module.app`, started by `stream-wrapper` (docs/streaming.md).
"""
