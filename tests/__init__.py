"""Tests: of the product through its APIs, of its parts, and of what runs it on a developer's machine.

One stack runs in each process of the run and serves most tests (`conftest`); `harness` is what they share.
Everything is real but the providers and AWS, which are simulated; no test connects to another machine.
"""
