"""The HTTP side of the Services API: the app, errors, idempotency keys, and the shapes of parameters and bodies.

Entry points: `app.create_app` and `app.lambda_handler` for every endpoint, `route_spec.describe_route` for what a route
declares, `operations` for responses about operations, `parameters` for types of parameters. Called by
functions/services.

`idempotent_endpoint` is loaded only for a request with an Idempotency-Key. Keys and recorded responses are stored by
pointsman.lifecycle.

Never verifies the API key: the authorizer does (functions/authorizers/services_key.py). Never decides about instances:
pointsman.lifecycle does.
"""
