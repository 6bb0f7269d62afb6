"""The endpoints that serve the OpenAPI documents: one module and one Lambda for each, beside the file that it reads.

Owns: the generated files; `make openapi` writes them.
Never: generates a document; `pointsman.http.openapi` does.
Entry point: `handler` of each module, called by the HTTP API. Their docstrings are public, as those of functions/agent.
"""
