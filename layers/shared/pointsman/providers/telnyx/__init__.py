"""Telnyx: one phone number per instance.

`provider` decides which number is bought, adopted and deleted (a `base.ToolProvider`); `account` has the API calls for
numbers, number orders and messaging profiles, and parses their responses.
"""
