"""`make bench`: work beside yardsticks of the same run, since absolute times differ between machines.

Owns the groups of measurements (`create_destroy` to `cold_start`), each with a function `measure`, their yardsticks,
and the report in docs/performance.md. Entry point: `python -m benchmarks`. Never imported by the product; no test
asserts a wall time.
"""
