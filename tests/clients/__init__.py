"""Each face of the APIs, called by the public client package that people use it with."""
