"""Tests of single modules, and of rules about the repository's files.

No test here needs a stack.
`test_structure`, `test_cold_start_imports` and `test_isolation` guard rules that a reader relies on.
"""
