"""The schema's history: Alembic with plain SQL, run by the `migrate` function only.

A revision that has been released is never changed; a new one is added to versions/. No application code may live here.
Called by pointsman.db.migrations.runner.
"""
