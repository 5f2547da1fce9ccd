"""Files that programs write by themselves: JSON lines, CSV, trainer_state.json, TensorBoard events. Followed while
they grow.
"""

from exptrack.record.metrics.sidecars.find import FileReader, reader_for

__all__ = ["FileReader", "reader_for"]
