"""An OpenAI-compatible Responses API that plays scripts, or answers a demo's questions when none is ordered.
Strict about what it is asked, and stateless: the replayed input alone tells which turn of a script is next.
Mounted by `app.py`; scripts are ordered through the control API; no client code and no tool may live here.
"""
