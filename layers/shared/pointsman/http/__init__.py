"""HTTP of both APIs: apps and Lambda handlers, error responses, request and response bodies, OpenAPI documents.

`services_api` and `agent_api` hold what one API's endpoints need, `openapi` the documents, and the modules here what
both APIs share: `lambda_adapter` (FastAPI and Mangum), `error_format` and `common` (without a web framework).

FastAPI, Starlette and Mangum are imported in this package and in functions/ only.
Never decides about instances, tools or prompts: pointsman.lifecycle, pointsman.agent and pointsman.prompts do.
Called by functions/services and functions/agent; `make openapi` calls `openapi`.
"""
