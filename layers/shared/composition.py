"""The composition root of this bundle: its plugins, and which of their tools are exposed to clients.

It is in the layer, because functions of two rooms import it, but not part of the package: a bundle has its own.
"""

from pointsman.agent import Agent
from pointsman.agent.plugins.conversation import Conversation
from pointsman.agent.plugins.instances import Instances
from pointsman.agent.plugins.time import Time


def compose() -> Agent:
    """Build and start the agent. Each function of the Agent API that needs plugins calls it at its start."""
    agent = Agent()
    conversation = agent.plugins.register(Conversation())
    time = agent.plugins.register(Time())
    instances = agent.plugins.register(Instances())
    agent.api.expose_tools(conversation.tools, tag="conversation")
    agent.api.expose_tools(time.tools, tag="time")
    agent.api.expose_tools(instances.tools, tag="instances")
    return agent.start()
