"""Stored prompts: submission, approvals, event subscriptions, transcript, executions, termination and queries.

Owns what happens to a prompt outside the agent loop, and the shapes of what is stored of it. Never knows a tool, a
plugin or the model's client, and loads neither pydantic nor httpx: `pointsman.agent.loop` advances prompts.

Entry points:
    submission: `submit_prompt`, `start_prompt`
    event_subscription: `EventSubscription`
    stream_lease: `StreamLease`
    quotas: what refuses a prompt or a stream
    approvals: `decide`, `register_task_token`
    termination: `cancel`, `terminate`
    prompt_execution: `recover_prompts`
    queries: `get_prompt`

Called by pointsman.agent, pointsman.http and functions.
"""
