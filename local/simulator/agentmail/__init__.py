"""AgentMail's v0 API: inboxes with idempotent creation by `client_id`, search, and sending with its lag.

Never delivers mail: a sent message is only recorded for idempotency. Inboxes live in `state/agentmail.py`, error
shapes in `http/provider_errors.py`.

Entry point: `inboxes.SimulatedAgentMail`, mounted by `app.py` at `/agentmail/v0`.
"""
