"""Tests of the sample events in events/.

Each is handled by its real function; the files also serve `sam local invoke` and the documentation.
A new function needs an event, see `unit/test_structure`.
"""
