"""Tests of `migrate`: databases as older programs have left them, the backfill, the drop, and what failing leaves.

Real databases in the stack's Postgres, volumes from the simulator. Nobody else imports this.
"""
