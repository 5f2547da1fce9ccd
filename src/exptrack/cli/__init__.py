"""The terminal: the only room that prints, and the only one with typer and rich."""
