"""The ASGI application: four providers, the model and the control API under one origin."""

from fastapi import FastAPI

from local.simulator.agentmail.inboxes import SimulatedAgentMail
from local.simulator.control.routes import create_router
from local.simulator.engine.engine import Engine
from local.simulator.engine.rest import mount_provider
from local.simulator.model.endpoint import mount_model
from local.simulator.openrouter.keys import SimulatedOpenRouter
from local.simulator.railway.endpoint import mount_railway
from local.simulator.telnyx.provider import SimulatedTelnyx


def create_app(engine: Engine) -> FastAPI:
    """Create the application with all routes over one engine."""
    app = FastAPI(title="Pointsman provider simulator", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(create_router(engine))
    mount_railway(app, engine)
    mount_model(app, engine)
    for provider in (SimulatedOpenRouter(), SimulatedAgentMail(), SimulatedTelnyx()):
        mount_provider(app, engine, provider)
    return app
