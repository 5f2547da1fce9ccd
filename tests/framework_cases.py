"""What each real framework told on its own, and how that maps to what exptrack reads from its output and its file.

`recorded/NAME/` has the training program, its output (pipe.stdout, pipe.stderr, terminal), the framework's own files
and history.json: {name: [steps, values]} as the framework's history object had them; record_frameworks.py writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from exptrack.record.points import blocks_of

RECORDED = Path(__file__).parent / "recorded"
Series = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class Case:
    """`own_file`: what the framework writes by itself. `in_file` and `in_print` give the step there of a step of the
    history; `renamed`: name in the history -> name in the file. `left_out` are no metrics, `only_printed` in no file.
    `last_in_pipe`: without a terminal only the last frame of its bar is printed, and the results."""

    own_file: str = ""
    in_file: Callable[[float], float] = lambda step: step
    in_print: Callable[[float], float] = lambda step: step
    renamed: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    only_printed: frozenset[str] = frozenset()
    last_in_pipe: bool = False


# Counters, times and a setting.
COUNTED_BY_PPO = frozenset(
    ["time/iterations", "time/fps", "time/time_elapsed", "time/total_timesteps", "train/n_updates", "train/clip_range"]
)
CASES = {
    "sklearn_mlp": Case(),
    "sklearn_sgd": Case(),
    "sklearn_boosting": Case(),
    "xgboost": Case(),
    "lightgbm": Case(),
    "catboost": Case(
        own_file="catboost_info/*_error.tsv",
        renamed={"learn": "Logloss", "test": "test/Logloss"},
        only_printed=frozenset(["best", "bestTest"]),
    ),
    # Keras prints epochs from 1 and writes them from 0.
    "keras": Case(own_file="training.log", in_file=lambda step: step - 1),
    "nanogpt": Case(),
    # The Trainer prints epochs with a fraction and writes steps: 8 an epoch here.
    "transformers": Case(
        own_file="out/*/trainer_state.json", in_print=lambda step: step / 8, only_printed=frozenset(["train_loss"])
    ),
    # Lightning prints epochs and writes steps: 16 an epoch here. The test is printed after the last epoch.
    "lightning": Case(
        own_file="lightning_logs/version_0/metrics.csv", in_print=lambda step: min(step // 16, 3), last_in_pipe=True
    ),
    "stable_baselines3": Case(
        own_file="logs/progress.csv",
        left_out=COUNTED_BY_PPO,
    ),
}


def history(name: str) -> Series:
    """What the framework's own history object said."""
    told = json.loads((RECORDED / name / "history.json").read_text())
    return {key: list(zip(*columns, strict=True)) for key, columns in told.items()}


def recorded(folder: Path) -> dict[str, Series]:
    """Every source's series of the only run below `folder`: {"stdout" | "terminal" | "file" ...: series}."""
    store = folder / ".exptrack" / "store"
    (manifest,) = (store / "runs").glob("*.json")
    digest = json.loads(manifest.read_text())["points"].rpartition(":")[2]
    out: dict[str, Series] = {}
    for block in blocks_of(str(store / "objects" / digest[:2] / digest[2:])):
        series = out.setdefault(block.source.partition(":")[0], {})
        series.setdefault(block.name, []).extend(zip(block.steps, block.values, strict=True))
    return out


def in_print(name: str, *, is_pipe: bool) -> Series:
    """What of the history is expected from the output."""
    case = CASES[name]
    out = {
        key: [(case.in_print(step), value) for step, value in points]
        for key, points in history(name).items()
        if key not in case.left_out
    }
    return {key: points[-1:] for key, points in out.items()} if is_pipe and case.last_in_pipe else out


def in_file(name: str) -> Series:
    """What of the history is expected from the framework's own file; nothing for a framework that writes none."""
    case = CASES[name]
    if not case.own_file:
        return {}
    return {
        case.renamed.get(key, key): [(case.in_file(step), value) for step, value in points]
        for key, points in history(name).items()
        if key not in case.left_out | case.only_printed
    }


def differences(expected: Series, found: Series, *, is_rounded: bool) -> list[str]:
    """What is missing, too much or wrong. `is_rounded`: values need to agree in the digits that were printed only."""
    out = [f"{name}: not recorded" for name in expected.keys() - found.keys()]
    out += [f"{name}: no metric" for name in found.keys() - expected.keys()]
    for name in sorted(expected.keys() & found.keys()):
        steps, wanted = ([point[0] for point in series[name]] for series in (found, expected))
        if steps != wanted:
            out.append(f"{name}: steps {steps} instead of {wanted}")
            continue
        for (step, value), (_, told) in zip(found[name], expected[name], strict=True):
            if abs(value - told) > (_half_a_digit(value) if is_rounded else 1e-7 * abs(told)):
                out.append(f"{name} at {step}: {value} instead of {told}")
    return out


def _half_a_digit(value: float) -> float:
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return 0.5001 * 10.0 ** min(0, int(exponent))
