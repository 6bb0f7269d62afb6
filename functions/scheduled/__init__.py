"""What schedules call: one module, one schedule, one Lambda each.

They name the work of pointsman.lifecycle that they are; nothing is decided here.
Called by EventBridge.
"""
