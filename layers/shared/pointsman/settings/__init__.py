"""All settings, one module per group; `environment` is the only one that reads the environment.

A function asks for the group that it uses, when it first uses it, and gets an error that names what is missing. Plain
dataclasses, because most functions may not load pydantic, and in modules of their own, because each costs at start.
Called by everything above; no decision may live here. Values that are secrets never show in a `repr`.
"""
