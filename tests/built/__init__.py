"""Tests of what is deployed: sizes, contents and binaries of the built artefacts, and how they run.

`make test-built` builds them and runs these, with the end-to-end tests on the same artefacts; elsewhere they are
skipped. Not here: the build tool's own behaviour. Entry point: `make test-built`.
"""
