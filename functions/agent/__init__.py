"""The endpoints of the Agent API: one module, one route and one Lambda function each.

Each endpoint parses the request, calls one function of the layer and maps its result. It never decides anything, and
knows plugins only through `composition.compose`.

The docstring of each module is public: what follows its colon is the operation's summary in openapi.json.

Called by the API Gateway HTTP API, `prompt_stream` by the REST API.
"""
