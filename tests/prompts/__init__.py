"""Tests of prompts: the loop, its executions, approvals, conversations, and streams.

`engine_harness` advances prompts in this process, `engine_processes` in processes that are killed,
`prompt_stream` reads them over HTTP with the readers of `sse_readers`. `transcripts/` holds golden streams.
"""
