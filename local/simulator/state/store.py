"""Everything that the providers remember, in one tree, and the file that it may be kept in."""

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
    railway: RailwayState = field(default_factory=create_railway_state)
    openrouter: OpenRouterState = field(default_factory=OpenRouterState)
    agentmail: AgentMailState = field(default_factory=AgentMailState)
    telnyx: TelnyxState = field(default_factory=create_telnyx_state)

    def to_json(self) -> Obj:
        return asdict(self)


_STATE_ADAPTER = TypeAdapter(State)


@dataclass(frozen=True)
class StateFile:
    """A file that holds the state between runs. It is replaced as a whole, so a crash leaves the old or the new one."""

    path: Path

    def load(self) -> State:
        """The stored state, or a fresh one when there is no file. Raises ValueError for a file of something else."""
        if not self.path.exists():
            return State()
        return _STATE_ADAPTER.validate_json(self.path.read_bytes())

    def save(self, state: State) -> None:
        content = _STATE_ADAPTER.dump_json(state)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.path, content)
