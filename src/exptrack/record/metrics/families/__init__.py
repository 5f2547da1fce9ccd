"""One small file per family of formats, imported when registry.py first finds one of its lines.

`read(line, state)` returns the values found, an empty list for a line it understood to hold none, or None for a line of
another family.
"""
