"""The agent loop: model turns and tool calls in alternation, until the prompt ends or waits for a person.

Owns the order of steps and the ownership of a prompt. Each step is committed before the next one starts, by the owner
only, so the loop can be killed at any point and started again. Never starts or wakes an execution, and never talks to
clients: that is `pointsman.prompts`.

Entry point: `runner.advance_prompt`, called by functions/tasks/advance_prompt.
"""
