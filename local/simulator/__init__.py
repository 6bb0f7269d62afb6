"""Simulator of Railway, OpenRouter, AgentMail, Telnyx and an OpenAI-compatible model over HTTP.

Owns the providers' observable behaviour: strict validation, error shapes, eventual consistency, latency, rate limits
and injected faults.
Never holds client code or business rules of the control plane, and never calls a real provider.

Entry points: `python -m local.simulator` (a process), `server.SimulatorServer` (a thread) and
`client.SimulatorClient`, which drives the control API described in `control/routes.py`.
"""
