"""Tests of the streaming runtime: the wrapper as a process, under a Runtime API over sockets."""
