"""The model: asking an OpenAI-compatible Responses API for the next turn, and what its answers and failures mean.

No tool is called here, nothing is stored, and nothing is decided about a prompt. Called by the agent loop only, which
loads `client` where it asks: httpx costs at start.
"""
