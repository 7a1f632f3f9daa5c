"""What a model learned, and whether it is good (SPEC 6, 7)."""
