"""`python -m local.simulator`: serve the simulator until SIGTERM or SIGINT."""

import argparse
import sys
from pathlib import Path

from local.simulator.config import Config
from local.simulator.server import SimulatorError, SimulatorServer


def main() -> int:
    """Parse the command line and serve; return the process's exit code, 1 when the simulator cannot start."""
    parser = argparse.ArgumentParser(prog="python -m local.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=4010, help="0 binds a free port")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="latency before every request is executed")
    parser.add_argument("--state", type=Path, default=None, help="keep the providers' state in this file")
    options = parser.parse_args()
    try:
        simulator = SimulatorServer(options.host, options.port, Config(latency_ms=options.latency_ms), options.state)
    except SimulatorError as error:
        print(error, file=sys.stderr)
        return 1
    simulator.serve(lambda: print(f"simulator ready on {simulator.origin}", flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
