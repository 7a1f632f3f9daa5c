"""Scores by blocks, normalization, export."""
