"""OpenRouter's management API: API keys and credits.

Never runs inference; `model/` plays the Responses API. Never returns a key's secret after its creation. Keys live in
`state/openrouter.py`, error shapes in `http/provider_errors.py`.

Entry point: `keys.SimulatedOpenRouter`, mounted by `app.py` at `/openrouter/api/v1`.
"""
