"""Where work runs, and how it tells of its progress."""
