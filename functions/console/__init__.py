"""The console: the page for people who run the fleet, with the files that it loads.

Owns: assets/, which `make console` builds from console/.
Never: has a secret, or calls the APIs itself; the page does, with the key that a person types.
Entry point: `console_page.handler`, called by the HTTP API.
"""
