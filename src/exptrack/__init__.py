"""exptrack: what a training script may say to its run. Standard library only; outside a run every call does nothing."""

from __future__ import annotations

__version__ = "0.1.0"
