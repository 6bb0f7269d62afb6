"""The tasks of the state machines: one module, one step, one Lambda each.

Owns: the name of each step, and which function of `pointsman.lifecycle`, `prompts` or `agent` runs it.
Never: decides anything; errors, retries and records of steps are `pointsman.workflows.handlers`.
Entry point: `handler` of each module, called by Step Functions.
"""
