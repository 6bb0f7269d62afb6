"""The plugins that come with the bundle, one module each.

Each has its tools as `tools`; a composition root decides which are exposed. No plugin knows ApiService, or another's
insides.
Called by composition roots.
"""
