"""Runs the simulator: in the foreground as a process, or in a thread for tests and the local stack."""

import asyncio
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from local.simulator.app import create_app
from local.simulator.config import Config
from local.simulator.engine.engine import Engine
from local.simulator.http.connection_drop import TrackingProtocol
from local.simulator.state.store import State, StateFile

_STOP_TIMEOUT_S = 2


class SimulatorError(Exception):
    """The simulator cannot start; the message gives the reason in one line."""


class _UvicornServer(uvicorn.Server):
    """uvicorn with a ready callback, release of hanging requests on shutdown, and a clean exit on signals."""

    def __init__(self, config: uvicorn.Config, engine: Engine, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._engine = engine
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._engine.release_waiters()
        await super().shutdown(sockets)
        self._engine.flush()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn re-raises a captured signal after shutdown, so a clean stop would exit with an error.
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


class SimulatorServer:
    """A simulator bound to a loopback address; `origin` is its base URL."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, config: Config | None = None, state_file: Path | None = None
    ) -> None:
        """Bind the socket and load the state.

        Args:
            host: A loopback address or `localhost`.
            port: 0 binds a free port.
            config: The initial configuration; None for the defaults.
            state_file: Where the providers' state persists; None keeps it in memory.

        Raises:
            SimulatorError: The address is not loopback or is in use, or the file is not a simulator's state.
        """
        file = StateFile(state_file) if state_file is not None else None
        try:
            state = file.load() if file is not None else State()
        except (OSError, ValueError):
            raise SimulatorError(f"simulator: {state_file} holds no state of a simulator") from None
        self._socket = _bind_socket(host, port)
        self._engine = Engine(config or Config(), state, file)
        self.port: int = self._socket.getsockname()[1]
        self.origin = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._server: _UvicornServer | None = None

    def serve(self, on_ready: Callable[[], None]) -> None:
        """Serve until a signal or `stop`; call `on_ready` once connections are accepted."""
        config = uvicorn.Config(
            create_app(self._engine), http=TrackingProtocol, ws="none", lifespan="off", loop="asyncio",
            log_level="error", access_log=False, timeout_graceful_shutdown=_STOP_TIMEOUT_S,
        )  # fmt: skip
        self._server = _UvicornServer(config, self._engine, on_ready)
        self._server.run(sockets=[self._socket])

    def start(self) -> "SimulatorServer":
        """Serve in a thread and return once connections are accepted.

        Raises:
            SimulatorError: The server is not ready within 30 s.
        """
        self._thread = threading.Thread(target=self.serve, args=(self._ready.set,), name="simulator", daemon=True)
        self._thread.start()
        if not self._ready.wait(30):
            raise SimulatorError("simulator: not ready within 30 s")
        return self

    def stop(self) -> None:
        """Stop serving and close the socket; requests that hang get their connection dropped."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_TIMEOUT_S + 5)
        self._socket.close()

    def __enter__(self) -> "SimulatorServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _bind_socket(host: str, port: int) -> socket.socket:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SimulatorError(f"simulator: {host} is not a loopback address")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only when the socket's proto is IPPROTO_TCP; without it every response takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise SimulatorError(f"simulator: cannot listen on {host}:{port}: {error.strerror}") from None
    return listener
