"""What a program prints -> points. `Recogniser` reads one stream; sidecars/ read the files programs write
themselves.
"""

from exptrack.model import Point
from exptrack.record.metrics.recogniser import Recogniser

__all__ = ["Point", "Recogniser"]
