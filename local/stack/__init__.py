"""The stack: starts and stops all components in order, and gives access to them.

Owns the order of the start, the status, the reload of changed code, and the simulator's process. Contains nothing of a
component itself. Entry points: `stack.Stack` for synchronous code, `components.ComponentRunner` for a command that
needs a part of the stack only.
"""
