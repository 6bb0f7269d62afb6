"""Alembic's environment: runs the revisions on the connection that pointsman.db.migrations.runner passes."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="pointsman_schema_version", transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
