"""The commands: a module for each group, a function for each command.

Each translates its options into calls of the client and prints what they return; `command` has what all have in common.
"""
