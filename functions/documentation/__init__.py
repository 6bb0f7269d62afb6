"""The documentation page, with the script that it runs: the one function with a large file.

Owns: assets/, which `make build` fetches.
Never: builds the page; `pointsman.http.agent_api.docs_page` does.
Entry point: `docs_page.handler`, called by the HTTP API. Its docstring is public, as those of functions/agent.
"""
