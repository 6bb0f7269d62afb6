"""What happens to an instance: create, destroy, their steps, and how they are undone. The only caller of providers.

Decisions live here; no HTTP, no event format and no SQL may.
Called by functions/services (to ask for an operation), functions/tasks (to do one step of it), functions/scheduled.
"""
