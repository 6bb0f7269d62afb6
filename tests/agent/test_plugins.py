"""Plugins: the order of their hooks, their configuration, and what they add to a prompt."""

import pytest

from pointsman.agent import NoConfig, Plugin, PluginService, Prompt, Services
from pointsman.errors import CompositionError
from tests.agent.sample_tools import Settings, make_tool


class RecordingPlugin(Plugin[NoConfig]):
    """Records the calls of its hooks."""

    def __init__(self, plugin_id: str, calls: list[str]) -> None:
        self.id = plugin_id  # type: ignore[misc]
        self.calls = calls

    def setup(self, services: Services, config: NoConfig) -> None:
        self.calls.append(f"setup {self.id}")

    def ready(self, services: Services) -> None:
        self.calls.append(f"ready {self.id}")

    def prepare(self, prompt: Prompt) -> None:
        self.calls.append(f"prepare {self.id}")


class Greeter(Plugin[Settings]):
    id = "greeter"
    config = Settings

    def setup(self, services: Services, config: Settings) -> None:
        self.settings = config


class Bare(Plugin[NoConfig]):
    id = "bare"


def make_prompt(services: Services) -> Prompt:
    return Prompt(services, user_id="user-1", prompt_id="prompt-1")


def test_setup_runs_at_once_and_every_ready_after_every_setup_in_order() -> None:
    calls: list[str] = []
    plugins = PluginService(Services())
    for number, plugin_id in enumerate(["c", "a", "b"], 1):
        plugins.register(RecordingPlugin(plugin_id, calls))
        assert len(calls) == number
    assert calls == ["setup c", "setup a", "setup b"]
    plugins.start()
    assert calls[3:] == ["ready c", "ready a", "ready b"]
    assert plugins.ids == ["c", "a", "b"]


def test_a_plugin_finds_in_ready_what_a_later_one_has_provided() -> None:
    class Clock:
        pass

    class User(Plugin[NoConfig]):
        id = "user"

        def setup(self, services: Services, config: NoConfig) -> None:
            with pytest.raises(CompositionError, match="no Clock"):
                services.get(Clock)

        def ready(self, services: Services) -> None:
            self.clock = services.get(Clock)

    class Provider(Plugin[NoConfig]):
        id = "provider"

        def setup(self, services: Services, config: NoConfig) -> None:
            services.provide(Clock, Clock())

    services = Services()
    plugins = PluginService(services)
    user = plugins.register(User())
    plugins.register(Provider())
    plugins.start()
    assert user.clock is services.get(Clock)


def test_setup_ready_and_prepare_are_optional() -> None:
    plugins = PluginService(Services())
    plugins.register(Bare())
    plugins.start()
    plugins.prepare(make_prompt(Services()))
    assert isinstance(plugins.get("bare"), Bare)


def test_prepare_runs_for_each_prompt_in_order() -> None:
    calls: list[str] = []
    services = Services()
    plugins = PluginService(services)
    for plugin_id in ("b", "a"):
        plugins.register(RecordingPlugin(plugin_id, calls))
    plugins.start()
    calls.clear()
    for _ in range(2):
        plugins.prepare(make_prompt(services))
    assert calls == ["prepare b", "prepare a"] * 2


@pytest.mark.parametrize("config", [{"greeting": "hi"}, Settings(greeting="hi")])
def test_a_configuration_is_a_model_or_a_matching_mapping(config: dict[str, object] | Settings) -> None:
    assert PluginService(Services()).register(Greeter(), config).settings == Settings(greeting="hi", times=1)


@pytest.mark.parametrize("config", [None, {}, {"greeting": 5}, {"greeting": "hi", "times": "planted"}])
def test_an_invalid_configuration_is_reported_without_its_values(config: dict[str, object] | None) -> None:
    plugins = PluginService(Services())
    with pytest.raises(CompositionError, match="configuration of plugin greeter") as refused:
        plugins.register(Greeter(), config)
    assert "planted" not in str(refused.value)
    assert plugins.ids == []


def test_a_plugin_without_a_configuration_accepts_none() -> None:
    with pytest.raises(CompositionError, match="extra"):
        PluginService(Services()).register(Bare(), {"extra": 1})


def test_an_exception_of_setup_propagates_and_the_plugin_is_not_registered() -> None:
    class Broken(Plugin[NoConfig]):
        id = "broken"

        def setup(self, services: Services, config: NoConfig) -> None:
            raise RuntimeError("no way")

    plugins = PluginService(Services())
    with pytest.raises(RuntimeError, match="no way"):
        plugins.register(Broken())
    assert plugins.ids == []


def test_duplicate_and_missing_plugin_ids_are_rejected() -> None:
    class Nameless(Plugin[NoConfig]):
        pass

    plugins = PluginService(Services())
    plugins.register(Bare())
    with pytest.raises(CompositionError, match="a plugin bare already"):
        plugins.register(Bare())
    with pytest.raises(CompositionError, match="Nameless has no id"):
        plugins.register(Nameless())


def test_nothing_is_registered_or_started_after_the_start() -> None:
    plugins = PluginService(Services())
    plugins.start()
    with pytest.raises(CompositionError, match="too late"):
        plugins.register(Bare())
    with pytest.raises(CompositionError, match="started already"):
        plugins.start()


def test_an_unknown_plugin_is_rejected_with_the_known_ones() -> None:
    plugins = PluginService(Services())
    plugins.register(Bare())
    with pytest.raises(CompositionError, match="no plugin other, but bare"):
        plugins.get("other")


def test_a_prompt_accepts_tools_and_instructions() -> None:
    prompt = make_prompt(Services())
    first, second = make_tool(), make_tool(tool_id="words.again")
    prompt.add_tools(first, second)
    prompt.add_tools(first)
    prompt.add_instructions("Be brief")
    assert (prompt.tools, prompt.instructions) == ((first, second), ("Be brief",))


def test_a_prompt_rejects_duplicate_tool_ids_and_client_only_tools() -> None:
    prompt = make_prompt(Services())
    prompt.add_tools(make_tool())
    with pytest.raises(CompositionError, match=r"another tool words\.say"):
        prompt.add_tools(make_tool())
    with pytest.raises(CompositionError, match="clients only"):
        prompt.add_tools(make_tool(tool_id="words.mine", client_only=True))


def test_the_container_has_one_service_per_type_and_lists_the_known_ones() -> None:
    services = Services()
    with pytest.raises(CompositionError, match="no Settings in the service container, but nothing"):
        services.get(Settings)
    services.provide(Settings, Settings(greeting="hi"))
    assert services.get(Settings).greeting == "hi"
    assert Settings in services
    assert PluginService not in services
    with pytest.raises(CompositionError, match="a Settings in the service container already"):
        services.provide(Settings, Settings(greeting="ho"))
    with pytest.raises(CompositionError, match="no PluginService in the service container, but Settings"):
        services.get(PluginService)


def test_the_repr_of_secrets_has_names_only() -> None:
    services = Services({"KEY": "planted"})
    assert services.secrets["KEY"] == "planted"
    assert dict(services.secrets) == {"KEY": "planted"}
    assert repr(services.secrets) == "Secrets(KEY)"
    assert "planted" not in repr(services)
