"""The simulated providers' state: plain dataclasses, one module per provider, and the file that stores them.

`store.State` holds the whole tree. `store.StateFile` loads and saves it; an unknown file raises and is not overwritten.
Records are flagged with `deleted_at` and never removed, so that tests can inspect deleted resources.
State whose status depends on time stores timestamps; the status is computed for a given `now` on every read.

Never validates a request, builds a response or reads the clock: the provider packages do the first two and pass `now`.
All timestamps are seconds since the epoch.
"""
