"""The HTTP side of the Agent API: apps, identity, errors, CORS, and the shapes of bodies.

Entry points: `app.create_app` and `app.lambda_handler` for endpoints on FastAPI, `prompt_stream.create_stream_app` for
the streaming ones, `route_spec.describe_agent_route` for what a route declares, `custom_routes.add_routes` for a
bundle's own routes, `docs_page` for the documentation page. Called by functions/agent.

`prompt_stream` and what it imports (`errors`, `cors`, `json_body`, `prompt_request`, `sse`) load neither FastAPI nor
pydantic; tests/unit/test_cold_start_imports.py checks it. Starlette is loaded if the settings allow other origins.

Never verifies credentials: the authorizer does (functions/authorizers/agent_user.py), and its context is a caller's
only identity. Never decides about tools or prompts: pointsman.agent and pointsman.prompts do.
"""
