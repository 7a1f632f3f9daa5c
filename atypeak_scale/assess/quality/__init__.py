"""Is the model good?"""
