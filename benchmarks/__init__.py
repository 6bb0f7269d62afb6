"""Benchmarks that report ratios within one run, since absolute times differ between machines.

Owns the programs behind `make bench-cold` (`cold_start`) and `make bench-prompts` (`concurrent_prompts`).
Never imported by the product; assertions of tests do not belong here.
"""
