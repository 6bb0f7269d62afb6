"""Tests of the local runner, against a small bundle of their own in `fixture/`.

Real processes, sockets, Postgres and interpreter. Not here: the behaviour of Pointsman's own functions.
Nobody else imports this.
"""
