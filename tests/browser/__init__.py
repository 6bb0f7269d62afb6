"""Tests of the documentation page in headless Chromium.

`make browser` runs them; they need an installed Chromium.
What the page's responses contain is tested in `contract`.
"""
