"""Tests of both wire contracts over HTTP, against the running stack.

Statuses, bodies, rows and provider calls of each endpoint; idempotency keys; the OpenAPI documents.
Prompt streams are tested in `prompts`.
"""
