"""Request pipeline shared by all providers: call log, rate limit, fault injection, latency, execution, state file.

Never knows what a provider's endpoint does: a provider passes a function to execute, an error renderer and its part
of the configuration.

Entry points: `engine.Engine.handle_call`, `rest.mount_provider` for REST providers, and the registries that the
control API writes to (`faults.FaultRegistry`, `model_scripts.ScriptRegistry`, `call_log.CallLog`).
"""
