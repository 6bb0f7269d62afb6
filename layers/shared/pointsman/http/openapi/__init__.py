"""The OpenAPI documents of both APIs.

Build time (`make openapi`; no function loads these): `services` generates the Services API's document, `combined` the
document of both APIs from that and the Agent API's apps, and `prompts` describes the streaming endpoints in it.
Run time: `runtime` adds a bundle's tools and routes to the combined document; functions/openapi calls it.
`schema` holds the parts that these share, `components` and `names` give schemas and operations names that stay unique
in generated clients, `examples` and `example_values` compose examples.

Never validates or serves a request. This page imports nothing: modules are loaded one by one, for a short cold start.
"""
