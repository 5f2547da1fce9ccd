"""BEFORE a run: look at the world and change nothing."""
