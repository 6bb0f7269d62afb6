"""Pointsman's shared layer: everything that more than one function needs.

Here live settings, errors, the database, the providers and the lifecycle; no handler and no route may.
Called by functions/; imports go downward only: http → lifecycle → providers | db → settings, errors.
"""

import gc

# What imports make stays. At Python's own thresholds a tenth of a cold start goes into looking for garbage among it.
gc.set_threshold(100_000, 50, 50)
