"""Stand-ins for Railway, OpenRouter, AgentMail, Telnyx and a model over HTTP: strict, with latency and faults to order.
No client code and no business rules live here; what the providers do is in docs/PROVIDERS.md, section 7 first.
Run it with `python -m local.simulator`; the local stack, the demo and tests drive it by `client.py` (see `control.py`).
"""
