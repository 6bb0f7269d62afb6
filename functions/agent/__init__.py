"""The endpoints of the Agent API: one module, one route, one Lambda each, on the agent that composition.py composes.

They parse, call one function of the layer and map the answer; nothing is decided here.
Called by the HTTP API.
"""

import pointsman as pointsman  # before FastAPI: it sets how often garbage is looked for
