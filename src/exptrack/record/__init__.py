"""DURING a run: the child, its terminal and its run directory. Knows neither capture nor store."""
