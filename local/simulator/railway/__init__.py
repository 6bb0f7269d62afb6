"""Railway's GraphQL v2: a schema of what is documented, executed over a store that deploys as time passes.
Only `store.py` and `deploy.py` hold facts about Railway's objects; resolvers read and change them, nothing else does.
Mounted by `app.py`; the control API seeds and inspects the store.
"""
