"""Signatures of the commands: each body calls one action and one function that shows its result."""
