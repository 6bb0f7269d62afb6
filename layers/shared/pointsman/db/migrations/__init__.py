"""The schema of the services database, and access to databases that an older installation left.

    runner                 upgrades the schema; the entry point is `runner.upgrade_schema`
    versions, env          the revisions, plain SQL, and Alembic's environment: scripts that Alembic loads by their path
    database               connections of a migration, and its errors
    legacy_schema          the services database of an older program
    pool_manager_schema    the pool manager's database

A released revision is never changed; a schema change is a new file in versions/. What a migration does with the old
data is decided in lifecycle.legacy_migration. Called by the `migrate` function only, as `runner` loads Alembic and
SQLAlchemy.
"""
