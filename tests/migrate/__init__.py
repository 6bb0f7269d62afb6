"""Tests of `migrate`: databases of older programs, the backfill, the drop, and failures.

Real databases in the stack's Postgres, volumes from the simulator. Nobody else imports this.
"""
