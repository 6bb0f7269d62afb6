"""The simulator's HTTP layer: request and response values, error bodies, dropped connections.

Owns `ApiCall` and `Reply`, which every simulated provider takes and returns (`messages`), the error body of each
provider (`provider_errors`), and the reset of a client's TCP connection (`connection_drop`).
Never reads or changes state, and never decides when a fault applies: `engine` does.
"""
