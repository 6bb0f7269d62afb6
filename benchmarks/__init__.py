"""What things cost, as ratios within one run: machines differ and are shared, ratios hold.

Programs to run by hand or by `make bench-…`; no test and no product code may live here.
Called by people.
"""
