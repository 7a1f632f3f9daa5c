"""Intervals: names, BED files, selection, windows and overlaps, the artificial catalogue."""
