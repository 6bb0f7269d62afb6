"""Tests of the providers' clients against the simulator.

Each client is called in this process; only `conftest` is shared.
"""
