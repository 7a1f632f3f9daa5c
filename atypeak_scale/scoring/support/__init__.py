"""Support of a peak by the other sources, and the chance that it lies at random (method, section 9)."""
