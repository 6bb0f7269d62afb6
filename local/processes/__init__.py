"""TODO page of this package."""
