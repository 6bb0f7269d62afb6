class Strange(Exception):
    pass
