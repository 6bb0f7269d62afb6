"""The agent loop: asking the model and calling the tools that it asks for, until it answers or a person must decide.

Every step is committed before the next begins, and is only written by whoever holds the prompt, so the loop may die
anywhere and be begun again. Called by the task that advances a prompt; what needs no tool is in pointsman.prompts.
"""
