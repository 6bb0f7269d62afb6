"""Client of an OpenAI-compatible Responses API: requests, streamed or plain responses, errors, and names of tools.

Never calls a tool, stores anything, or decides about a prompt.

Entry point: `client.ModelClient`, used by the agent loop only, which imports it at the first request because it loads
httpx.
"""
