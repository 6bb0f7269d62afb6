"""Telnyx v2 as far as numbers need it: search, reservations, orders, owned numbers, messaging profiles.
No messages are sent here, and nothing outside `store.py` decides who owns a number.
Mounted by `app.py`; the control API reads and writes the store.
"""
