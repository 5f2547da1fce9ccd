"""AFTER a run: named, immutable bytes, and an index that may be thrown away."""
