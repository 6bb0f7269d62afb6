"""Takes the pictures of docs/console.md: `python -m tests.browser.pictures`. Needs Chromium and a built console."""

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect, sync_playwright

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.browser.conftest import CHROMIUM_FLAGS, find_chromium
from tests.browser.console import open_screen, sign_in, sign_in_as_user
from tests.harness.clients import agent_client, services_client
from tests.harness.database import Database, connect
from tests.harness.instances import create_instance, create_request
from tests.harness.paths import CHECKOUT
from tests.harness.stack import start_stack
from tests.prompts.prompt_stream import post_prompt

FOLDER = CHECKOUT / "docs" / "images"
USER_ID = "ada"
SETTLE_MS = 1_500


def make_fleet(stack: Stack, db: Database) -> dict[str, str]:
    """Create a few instances, a failure and a leak; returns the newest operation of each instance."""
    assert stack.simulator_url is not None
    with SimulatorClient(stack.simulator_url) as simulator, services_client(stack.url) as api:
        simulator.update_config({"railway": {"deploy_seconds": 0}})
        for instance_id, tools in {"agent-1": ["openrouter"], "agent-2": ["openrouter", "agentmail", "telnyx"]}.items():
            assert create_instance(api, create_request(instance_id, tools)).status_code == 200
        simulator.inject_fault("railway", "environmentPatchCommit", "graphql_error", message="no capacity", times=None)
        assert create_instance(api, create_request("agent-3", ["agentmail"])).status_code == 500
        simulator.inject_fault("railway", "serviceDelete", "graphql_error", message="Not Authorized", times=None)
        assert create_instance(api, create_request("agent-4", ["telnyx"])).status_code == 500
        db.execute(
            "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, deploy_status,"
            " runtime_image, created_at) SELECT 'fleet-' || n, 's-' || n, 'e',"
            " (ARRAY['SUCCESS', 'SUCCESS', 'SUCCESS', 'SLEEPING', 'SUCCESS', 'CRASHED', 'BUILDING'])[1 + mod(n, 7)],"
            " 'registry/agent:1.4.' || mod(n, 3),"
            " now() - make_interval(mins => 7 * n) FROM generate_series(1, 240) AS n"
        )
        simulator.clear_faults()
        for function in ("StatusPollerFunction", "ReconcilerFunction", "PromptRecoveryFunction"):
            stack.fire_schedule(function)
        insert_past(db)
        operations = api.get("/operations").json()["operations"]
    return {operation["instanceId"]: operation["operationId"] for operation in reversed(operations)}


def make_prompts(stack: Stack) -> str:
    """Submit prompts of one conversation, of which two wait for an approval; returns the one that tells most."""
    assert stack.simulator_url is not None
    listing = {"name": "instances.list", "call_id": "call_1", "arguments": {"limit": 1}}
    redeploy = {"name": "instances.redeploy", "call_id": "call_2", "arguments": {"instanceId": "agent-2"}}
    variables = {"instanceId": "agent-1", "variables": {"LOG_LEVEL": "debug"}, "redeploy": True}
    configure = {"name": "instances.configure", "call_id": "call_1", "arguments": variables}
    with SimulatorClient(stack.simulator_url) as simulator, agent_client(stack.url, USER_ID) as agent:
        turns = [
            {"text": "I look at the newest instance first.", "calls": [listing]},
            {"text": "It runs. I deploy agent-2 once more, if you agree.", "calls": [redeploy]},
        ]
        simulator.script_model(*turns, match="agent-2")
        simulator.script_model({"calls": [configure]}, match="agent-1")
        ids = []
        for text in ("Is agent-2 well? If in doubt, restart it.", "Let agent-1 write a debug log."):
            conversation = agent.post("/tools/conversation.create/invoke", json={}).json()["result"]["id"]
            stream = post_prompt(agent, text, conversationId=conversation)
            stream.read_until_event("prompt.approval")
            stream.close()
            ids.append(stream.prompt_id)
    return ids[0]


def insert_past(db: Database) -> None:
    """Insert what schedules of a day would have recorded."""
    db.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)"
        " SELECT 'fleet-' || n, 'openrouter', 'key-' || n, 'K' FROM generate_series(1, 240) AS n WHERE mod(n, 3) > 0"
    )
    db.execute(
        "INSERT INTO key_spend (resource_id, cap, remaining, usage, cap_reset, seen_at)"
        " SELECT 'key-' || n, 20, 20 - mod(n * 37, 195) / 10.0, mod(n * 37, 195) / 10.0, 'monthly', now()"
        " FROM generate_series(1, 240) AS n"
    )
    db.execute(
        "INSERT INTO fleet_history (at, counts) SELECT now() - make_interval(mins => 5 * n), jsonb_build_object("
        "  'SUCCESS', 142 - n / 8 + round(3 * sin(n / 9.0)), 'SLEEPING', 34, 'CRASHED', CASE WHEN n BETWEEN 90 AND 120"
        "   THEN 49 - abs(105 - n) ELSE 34 END, 'BUILDING', 32 + mod(n * 7, 5)) FROM generate_series(1, 287) AS n"
        " WHERE n NOT BETWEEN 180 AND 192 ON CONFLICT DO NOTHING"
    )
    db.execute(
        "INSERT INTO orphan_decisions (provider, kind, resource_id, name, first_seen, last_seen, sightings, decision,"
        " reason) SELECT provider, kind, resource_id, 'convos-agent-' || name, now() - make_interval(hours => n),"
        "  now(), 12 * n, decision, reason FROM (VALUES"
        "  (2, 'openrouter', 'tool', 'b1946ac92492d2347c6235b4d2611184', 'trial-4', 'reported',"
        "   'set ORPHANS=delete or delete it by hand'),"
        "  (5, 'railway', 'service', '5f0c6a52-7a0e-4a39-9d0e-0f6f1f6b7a11', 'trial-3', 'deleted',"
        "   'ORPHANS=delete, and nothing knew it at the moment of its deletion'),"
        "  (9, 'telnyx', 'tool', '+15550100042', 'trial-2', 'failed', 'telnyx numbers.delete: HTTP 403: not allowed'),"
        "  (30, 'agentmail', 'tool', 'convos-agent-trial-1@agentmail.to', 'trial-1', 'resolved',"
        "   'the provider does not list it any more, or a row or an operation names it now')"
        " ) AS o (n, provider, kind, resource_id, name, decision, reason)"
    )


def take_picture(
    browser: Browser,
    url: str,
    name: str,
    screen: str,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1100,
    height: int = 720,
) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
    if screen.startswith(("prompts", "approvals")):
        sign_in_as_user(page, url, USER_ID)
        open_screen(page, url, screen)
        page.locator(".call.waiting, .approval, table").first.wait_for()
        page.wait_for_timeout(SETTLE_MS)  # A stream that is open never leaves the network idle.
    else:
        sign_in(page, url, screen=screen)
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        expect(page.get_by_text("Loading…")).to_have_count(0)
    page.screenshot(path=FOLDER / f"console-{name}.png")
    page.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data, start_stack(Path(data)) as stack, sync_playwright() as playwright:
        with connect(stack.database_url) as db:
            operations = make_fleet(stack, db)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        prompt_id = make_prompts(stack)
        take_picture(browser, stack.url, "prompt", f"prompts/{prompt_id}")
        take_picture(browser, stack.url, "prompts", "prompts", "dark")
        take_picture(browser, stack.url, "approvals", "approvals", "light", 400)
        take_picture(browser, stack.url, "operations", "operations")
        take_picture(browser, stack.url, "operation", f"operations/{operations['agent-4']}", "dark", 400)
        take_picture(browser, stack.url, "fleet", "fleet", height=960)
        take_picture(browser, stack.url, "orphans", "orphans")
        take_picture(browser, stack.url, "instance", "instances/agent-2")
        take_picture(browser, stack.url, "create", "create")
        take_picture(browser, stack.url, "health", "health", "dark")
        browser.close()


if __name__ == "__main__":
    main()
