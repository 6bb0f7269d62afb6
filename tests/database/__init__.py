"""Connections to Postgres: TLS, and a pooler in between."""
