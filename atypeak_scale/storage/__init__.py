"""Paths and URLs: read what exists, publish new outputs whole or not at all, and let one process write."""
