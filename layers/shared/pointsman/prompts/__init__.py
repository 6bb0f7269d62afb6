"""Prompts as they are stored: beginning, waiting for people, deciding, ending, being looked at, and being gone on with.

No tool is known here and no model, and so neither pydantic nor httpx is loaded: what runs a prompt is
pointsman.agent.loop. Called by pointsman.agent, pointsman.http and functions.
"""
