"""Labelled occupancy in Zarr: schema, building, opening, streaming."""
