"""Random sequences of operations, faults and crashes, with their invariants.

`make sequences` runs hundreds, the test suite a few.
Systematic faults at every single call are in `faults`.
"""
