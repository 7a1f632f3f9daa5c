"""A path or a URL: what is there is read, what is new appears whole or not at all, and one process writes."""
