"""The providers: what we ask of Railway, OpenRouter, AgentMail and Telnyx, and how their answers are read.

One module a provider, one HTTP client, one registry; no database and no decision about instances may live here.
Called by pointsman.lifecycle only; what is of use to any HTTP client, by pointsman.agent.model too.
"""
