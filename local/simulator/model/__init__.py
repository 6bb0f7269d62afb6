"""OpenAI-compatible Responses API that plays scripted turns, or demo turns when no script applies.

Validates requests strictly and is stateless: the replayed input alone determines the turn of a script.
Never holds client code, and never executes a tool.

Entry point: `endpoint.mount_model`, mounted by `app.py` at `/model/v1`; scripts (`engine/model_scripts.py`) are
added through the control API.
"""
