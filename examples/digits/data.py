"""The digits that scikit-learn ships (nothing is downloaded): loaded, split in three, shifted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SIDE = 8
CLASSES = np.arange(10)


class Part(NamedTuple):
    """Images as rows of 64 grey values (0 to 16), and the digits they show."""

    images: np.ndarray
    labels: np.ndarray


def load() -> Part:
    digits = load_digits()
    return Part(digits.data, digits.target)


def split(labels: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Row numbers of the train (64 %), val (16 %) and test (20 %) parts, every digit in proportion."""
    rest, test = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=seed, stratify=labels)
    train, val = train_test_split(rest, test_size=0.2, random_state=seed, stratify=labels[rest])
    return {"train": np.sort(train), "val": np.sort(val), "test": np.sort(test)}


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by at most one pixel in each direction, the gap filled with background."""
    padded = np.pad(images.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    corners = rng.integers(0, 3, size=(len(images), 2))
    moved = [image[y : y + SIDE, x : x + SIDE] for image, (y, x) in zip(padded, corners, strict=True)]
    return np.stack(moved).reshape(-1, SIDE * SIDE)
