"""One verb per file. An action returns a result and prints nothing."""
