"""Where work runs, and how it reports progress."""
