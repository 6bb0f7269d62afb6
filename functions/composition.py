"""The composition root: the plugins of this bundle, and those of their tools that clients may call."""

from pointsman.agent import Agent
from pointsman.agent.plugins.conversation import Conversation
from pointsman.agent.plugins.instances import Instances
from pointsman.agent.plugins.time import Time


def compose() -> Agent:
    """Register the plugins, expose their tools, and return the started agent."""
    agent = Agent()
    conversation = agent.plugins.register(Conversation())
    time = agent.plugins.register(Time())
    instances = agent.plugins.register(Instances())
    agent.api.expose_tools(conversation.tools, tag="conversation")
    agent.api.expose_tools(time.tools, tag="time")
    agent.api.expose_tools(instances.tools, tag="instances")
    return agent.start()
