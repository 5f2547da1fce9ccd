"""What `reproduce` said of a run: could it be repeated, by which run, with what result. An event on both tells it."""

from __future__ import annotations

from exptrack.frozen import frozen

REPRODUCED, WITHIN, DIFFERS, NOT_REPRODUCIBLE = (
    "reproduced",
    "reproduced within tolerance",
    "differs",
    "not reproducible",
)

# The tag of a repeated run, with the id of the original. What carries it is a copy: no replicate, and never the best.
TAG = "reproduces"


@frozen
class Reproduction:
    """One verdict. `run`: the other one (seen from the original the run that repeated it, None when it could not be
    repeated; seen from that run the original); `environment`: same or different; `differences`: how many."""

    run: str | None
    verdict: str
    at: str
    author: str
    environment: str | None = None
    differences: int = 0
