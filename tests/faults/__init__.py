"""The fault matrix: one operation, one of its provider calls, one fault, and what is left of it.

`make faults` runs all of it (`python -m tests.faults`), the test suite its short form. Nothing here is product code.
`cases` says what is run, `case_runner` runs a case on a `fault_stack`, `invariants` finds what is wrong with the
outcome, `worker` and `__main__` spread the cases over processes, `report` writes the tables.
"""
