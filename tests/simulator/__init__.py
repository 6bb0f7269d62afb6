"""Tests of the simulator, over real sockets on loopback.
Nothing here knows our own clients or our business rules; those are tried against it elsewhere.
Nobody imports from here.
"""
