"""Tests of operations as workflows: compensation, unknown outcomes, secrets, and the status poller.

They run on the stack, with faults at the simulated providers and killed processes.
The fault matrix in `faults` covers every combination.
"""
