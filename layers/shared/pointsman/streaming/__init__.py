"""A runtime for functions that stream: between Lambda's Runtime API and an ASGI app, started by `stream-wrapper`.

Lives here: the Runtime API's HTTP, events as ASGI scopes, a response as chunks. Not here: what an app answers, or any
import from the rest of the layer or from outside the standard library. Called by nobody: an app is a plain ASGI app.
"""
