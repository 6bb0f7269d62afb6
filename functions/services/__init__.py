"""The endpoints of the Services API: one module, one route, one Lambda each.

Owns: the routes and the models of their bodies.
Never: decides anything; an endpoint parses, calls one function of the layer, and maps the result to a response.
Entry point: `handler` of each module, called by the HTTP API.
"""
