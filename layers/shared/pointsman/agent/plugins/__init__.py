"""The plugins that come with the bundle: `conversation`, `instances` and `time`, one module each.

Each plugin owns its tools (`tools`). It never decides which of them are exposed, never knows ApiService, and imports
databases and HTTP clients in its tools' functions only.

The docstrings of pydantic models here are public: they are descriptions in `GET /tools` and `GET /openapi.json`.

Called by composition roots.
"""
