"""Reading a text with the recogniser, for the tests of its families."""

from exptrack.record.metrics import Recogniser


def points(text, **options):
    """(name, value, step) of every point of `text`, in order."""
    recogniser = Recogniser(**options)
    found = recogniser.feed(text.encode()) + recogniser.close()
    return [(point.name, point.value, point.step) for point in found]


def series(text, **options):
    """The points of `text` by name: {name: [(step, value)]}."""
    out = {}
    for name, value, step in points(text, **options):
        out.setdefault(name, []).append((step, value))
    return out
