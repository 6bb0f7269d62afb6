"""The fault matrix: every provider call of every operation, spoilt in every way, and what is left of it.

`make faults` runs all of it (`python -m tests.faults`), the test suite its short form. Nothing here is product code.
"""
