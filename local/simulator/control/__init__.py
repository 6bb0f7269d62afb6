"""Control API under `/_sim`: configuration, state, faults, calls, seeds and model scripts.

Owns what tests, the demo and the local stack may change or inspect from outside. Never plays a provider: its routes
bypass call log, latency and faults.

Entry points: `routes.create_router` (its docstring lists all routes) and `leftovers.list_leftovers`.
"""
