"""A small forest of regression trees, and what each column is worth to it: permutation importance out of bag.

Extremely randomised trees (Geurts, Ernst, Wehenkel 2006) on bootstrap samples: a split is the best of a few random
ones, which needs no sorting. Importance after Breiman 2001: how much the error on rows a tree has not seen grows when a
column is shuffled. Plain Python, for few columns and some thousand rows. The same rows give the same answer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from exptrack.typed import NamedTuple

Row = Sequence[float]
TREES, GROUPS = 100, 10
SMALLEST_LEAF = 2
DEEPEST = 12
# Rows of one tree: more of them make it slower and hardly better.
MOST_ROWS = 400


class Node(NamedTuple):
    """A split, or with `column` -1 a leaf. `is_category`: rows equal to `bound` go left, else those below it."""

    column: int
    bound: float
    is_category: bool
    left: Node | None
    right: Node | None
    value: float


class Importance(NamedTuple):
    """How much worse the forest guesses without a column, in shares of the variance; `spread`: standard deviation over
    ten smaller forests."""

    mean: float
    spread: float


class Explained(NamedTuple):
    """`share` of the variance that the forest explains on rows it has not seen (R²; below 0: worse than the mean)."""

    share: float
    columns: tuple[Importance, ...]


def explain(rows: Sequence[Row], targets: Sequence[float], categories: Sequence[bool]) -> Explained:
    """What each column is worth. `categories`: which columns hold codes instead of numbers. Needs varying targets."""
    dice, count = random.Random(0), len(rows)  # noqa: S311 - no secret; the same answer each time
    guessed = [(0.0, 0)] * count
    gains: list[list[list[float]]] = [[[] for _ in range(GROUPS)] for _ in categories]
    variance = _variance(targets)
    for number in range(TREES):
        bag = [dice.randrange(count) for _ in range(min(count, MOST_ROWS))]
        unseen = sorted(set(range(count)).difference(bag))[:MOST_ROWS]
        if not unseen:
            continue
        tree = _grow(rows, targets, categories, bag, dice, DEEPEST)
        guesses = [_guess(tree, rows[i]) for i in unseen]
        for i, guess in zip(unseen, guesses, strict=True):
            guessed[i] = (guessed[i][0] + guess, guessed[i][1] + 1)
        error = _error(targets, unseen, guesses)
        for column, gain in enumerate(gains):
            shuffled = _shuffled(tree, rows, unseen, column, dice)
            gain[number % GROUPS].append((_error(targets, unseen, shuffled) - error) / variance)
    seen = [(targets[i], total / n) for i, (total, n) in enumerate(guessed) if n]
    lost = sum((t - g) ** 2 for t, g in seen) / len(seen) if seen else variance
    return Explained(1 - lost / variance, tuple(_summed(gain) for gain in gains))


def _summed(groups: Sequence[Sequence[float]]) -> Importance:
    means = [sum(g) / len(g) for g in groups if g]
    if not means:
        return Importance(0.0, 0.0)
    mean = sum(means) / len(means)
    return Importance(mean, (sum((m - mean) ** 2 for m in means) / max(1, len(means) - 1)) ** 0.5)


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / len(values)


def _error(targets: Sequence[float], rows: Sequence[int], guesses: Sequence[float]) -> float:
    return sum((targets[i] - g) ** 2 for i, g in zip(rows, guesses, strict=True)) / len(rows)


def _shuffled(tree: Node, rows: Sequence[Row], chosen: Sequence[int], column: int, dice: random.Random) -> list[float]:
    order = list(chosen)
    dice.shuffle(order)
    out = []
    for i, other in zip(chosen, order, strict=True):
        row = list(rows[i])
        row[column] = rows[other][column]
        out.append(_guess(tree, row))
    return out


def _guess(node: Node, row: Row) -> float:
    while node.left is not None and node.right is not None:
        value = row[node.column]
        node = node.left if (value == node.bound if node.is_category else value < node.bound) else node.right
    return node.value


def _grow(
    rows: Sequence[Row],
    targets: Sequence[float],
    categories: Sequence[bool],
    bag: Sequence[int],
    dice: random.Random,
    depth: int,
) -> Node:
    mean = sum(targets[i] for i in bag) / len(bag)
    leaf = Node(-1, 0.0, False, None, None, mean)
    if depth == 0 or len(bag) < 2 * SMALLEST_LEAF:
        return leaf
    best: tuple[float, int, float, list[int], list[int]] | None = None
    for column, is_category in enumerate(categories):
        bound = _bound(rows, bag, column, is_category, dice)
        if bound is None:
            continue
        left, right = list[int](), list[int]()
        for i in bag:
            value = rows[i][column]
            (left if (value == bound if is_category else value < bound) else right).append(i)
        if min(len(left), len(right)) < SMALLEST_LEAF:
            continue
        # The larger the sum of squared sums over counts, the smaller the squared error of both halves.
        score = sum(sum(targets[i] for i in half) ** 2 / len(half) for half in (left, right))
        if best is None or score > best[0]:
            best = (score, column, bound, left, right)
    if best is None:
        return leaf
    _, column, bound, left, right = best
    halves = [_grow(rows, targets, categories, half, dice, depth - 1) for half in (left, right)]
    return Node(column, bound, categories[column], halves[0], halves[1], mean)


def _bound(
    rows: Sequence[Row], bag: Sequence[int], column: int, is_category: bool, dice: random.Random
) -> float | None:
    """A random place to split a column at; None when all its values are equal."""
    if is_category:
        value = rows[dice.choice(bag)][column]
        return value if any(rows[i][column] != value for i in bag) else None
    values = [rows[i][column] for i in bag]
    low, high = min(values), max(values)
    # Between two rows that differ, and not evenly between the ends: of rates from 1e-5 to 1 most are near 0.
    a, b = rows[dice.choice(bag)][column], rows[dice.choice(bag)][column]
    if low == high:
        return None
    return max(a, b) if a != b else (a if a > low else high)
