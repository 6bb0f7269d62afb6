"""Webhooks: events that are sent to addresses which users, or the deployment's operators, have registered.

Owns: the rules for targets, the secrets and signatures, registration, and the delivery of what is in the outbox.
Never: writes the outbox; that is done with each change, by `db.webhook_outbox`.
Entry points: `registration` for the two APIs, `delivery.deliver_due` for the schedule.
"""
