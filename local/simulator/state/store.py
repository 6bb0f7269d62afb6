"""The state of all providers, and the file that stores it between runs."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from local.atomic_file import replace_file
from local.simulator.http.messages import Obj
from local.simulator.state.agentmail import AgentMailState
from local.simulator.state.openrouter import OpenRouterState
from local.simulator.state.railway import RailwayState, create_railway_state
from local.simulator.state.telnyx import TelnyxState, create_telnyx_state


@dataclass
class State:
    """The state of all providers except the model API, which keeps none."""

    railway: RailwayState = field(default_factory=create_railway_state)
    openrouter: OpenRouterState = field(default_factory=OpenRouterState)
    agentmail: AgentMailState = field(default_factory=AgentMailState)
    telnyx: TelnyxState = field(default_factory=create_telnyx_state)

    def to_json(self) -> Obj:
        """Convert the whole tree to JSON-compatible values, secrets included."""
        return asdict(self)


_STATE_ADAPTER = TypeAdapter(State)


@dataclass(frozen=True)
class StateFile:
    """A file with the state. It is replaced atomically, so a crash leaves either the old or the new content."""

    path: Path

    def load(self) -> State:
        """Load the stored state, or create the initial state if the file does not exist.

        Raises:
            ValueError: The file does not contain a state.
        """
        if not self.path.exists():
            return State()
        return _STATE_ADAPTER.validate_json(self.path.read_bytes())

    def save(self, state: State) -> None:
        """Write the state atomically; missing parent directories are created."""
        content = _STATE_ADAPTER.dump_json(state)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.path, content)
