"""Exact fast inference."""
