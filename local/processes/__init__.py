"""Child processes, and the lock that allows one runner for each data folder.

Owns how children are started, awaited and ended, also after the runner has died. Knows nothing of what they run. Entry
points: `supervisor.Supervisor`, `run_lock.RunLock`; `reaper` runs as a script of its own.
"""
