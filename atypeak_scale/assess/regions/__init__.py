"""Scores by module, and against newer releases."""
