"""Postgres: the process's connection, and one module of statements per table. All SQL of the layer is here.

    connection, tls, rows, locks, event_listener     the connection, rows as dataclasses, advisory locks, LISTEN
    operations, journal, instances, fleet,           of the Services API
    orphan_sightings, idempotency_keys
    conversations, user_prompts, prompt_runs,        of the Agent API
    prompt_history, tool_calls, prompt_events,
    call_events, stream_leases, quotas, token_usage
    maintenance                                      of both
    migrations                                       the schema

Functions take an open `Connection` and run in the caller's transaction (`connection.run_in_transaction`), so callers
combine them. Moments and ages are by the database's clock. Nothing here calls a provider or decides what is done with
an instance or a prompt. Called by lifecycle, prompts, agent, workflows and http.
"""
