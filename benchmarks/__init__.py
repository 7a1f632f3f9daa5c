"""Each headline figure as a comparison that anyone can run: `python -m benchmarks list`."""
