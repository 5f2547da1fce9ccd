"""One small file per family of formats. Each has `NAME`, a cheap `may_read(text, state)` and `read(line, state)`.

`read` returns the values found, an empty list for a line it understood to hold none, or None for a line of another
family.
"""
