class ThirdPartyError(Exception):
    pass
