"""The database: an embedded Postgres server, or a check of the developer's own.

Owns the server process, its cluster, and where both live when the runner runs as root. Never creates a table; the
migrate function does. Entry points: `server.PostgresServer`, `external_database.verify_database_connection`.
"""
