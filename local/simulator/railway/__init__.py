"""Railway's GraphQL v2 API: a schema of the documented part, executed against `state.railway`.

Owns the endpoint (`endpoint.mount_railway`), the schema and its resolvers (`schema`, `queries`, `services`, `patches`,
`volumes_and_domains`), deployment status over time (`deployments`) and bulk test data (`seeds.seed_services`).
A resolver registers itself with `context.root_resolver` or `context.field_resolver`; its module must stand in
`schema.RESOLVER_MODULES`. Resolvers read the time from `ResolverContext.now`.

Never keeps state of its own, injects faults (except the fields that `partial` nulls), applies latency or counts rate
limits: `engine` does. Behaviour that Railway does not document is a setting of `config.RailwayConfig`.
"""
