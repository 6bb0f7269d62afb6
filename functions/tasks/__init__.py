"""What the state machines call: one module, one step, one Lambda each.

They name the step of pointsman.lifecycle that they are; nothing is decided here.
Called by Step Functions.
"""
