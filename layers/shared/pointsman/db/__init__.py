"""Postgres: the connection, and one module per table family with the statements that touch it.

SQL lives here and nowhere else; no provider is called and no decision about instances is taken here.
Called by pointsman.lifecycle, and by functions that only read.
"""
