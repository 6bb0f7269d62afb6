"""Tests of the agent layer: tools, plugins, composition, the model client.

Tools and plugins run in this process; the conversation and instances tools use the stack's database and functions.
The loop that runs prompts is tested in `prompts`.
"""
