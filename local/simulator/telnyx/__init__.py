"""Telnyx's v2 API for phone numbers: search, reservations, orders, owned numbers, messaging profiles.

Never sends messages or calls. Who owns a number and what an order's status is at a time is decided in
`state/telnyx.py` alone.

Entry point: `provider.SimulatedTelnyx`, mounted by `app.py` at `/telnyx/v2`; `number_pool.py` also feeds the
control API's seeds.
"""
