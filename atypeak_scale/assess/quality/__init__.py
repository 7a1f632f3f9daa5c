"""Is the model good? (method, section 6)."""
