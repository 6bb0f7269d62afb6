"""Tests of the reconciler: stalled operations, and orphans at the providers.

`orphan_harness` creates resources and rows, and runs sweeps in this process.
No live resource may ever be deleted, whatever a listing lacks.
"""
