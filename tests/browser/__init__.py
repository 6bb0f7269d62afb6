"""Tests of the documentation page and the console in headless Chromium.

`make browser` runs them; they need an installed Chromium.
What the pages' responses contain is tested in `contract`.
"""
