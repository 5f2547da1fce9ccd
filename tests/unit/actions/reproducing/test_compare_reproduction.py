"""Two runs of one thing: what is equal, what is covered, and the verdict."""

from __future__ import annotations

import math
from typing import Any

import pytest

from exptrack.actions.reproducing.compare_reproduction import Comparison, Rules, Spread, compare, spread_of
from exptrack.actions.reproducing.tolerance import Tolerance
from exptrack.model import Artifact, RunManifest, StoredFile
from exptrack.reproduction import DIFFERS, REPRODUCED, WITHIN
from made import manifest, summary

MODEL = Artifact(kind="model", path="m.pt", digest="1" * 64, size=1)
OTHER = Artifact(kind="model", path="m.pt", digest="2" * 64, size=1)


def judge(before: RunManifest, after: RunManifest, rules: Rules | None = None, **more: Any) -> Comparison:
    options = {"moved": lambda p: p.replace("/old", "/new"), "files_of": lambda a: ()} | more
    return compare(before, after, rules or Rules(), **options)


def run(metrics: dict[str, Any] | None = None, *artifacts: Artifact, **fields: Any) -> RunManifest:
    told = {k: v if not isinstance(v, float) else summary(v) for k, v in (metrics or {}).items()}
    return manifest(metrics=told, artifacts=artifacts, **fields)


def test_equal_to_the_last_bit_is_reproduced() -> None:
    before = run({"acc": 0.1 + 0.2, "loss": math.nan}, MODEL)
    found = judge(before, before)
    assert (found.verdict, found.outputs, found.metrics, found.equal) == (REPRODUCED, 1, 2, 3)
    assert judge(run({"acc": 0.1 + 0.2}), run({"acc": 0.3})).verdict == DIFFERS


def test_clocks_are_counted_apart() -> None:
    found = judge(run({"acc": 0.5, "it/s": 10.0}), run({"acc": 0.5, "it/s": 11.0, "eta": 1.0}))
    assert (found.verdict, found.metrics, found.left_out) == (REPRODUCED, 1, ("eta", "it/s"))
    ignored = judge(run({"acc": 0.5, "debug/x": 1.0}), run({"acc": 0.5}), Rules(ignored=["debug/*"]))
    assert ignored.verdict == REPRODUCED


def test_which_number_of_a_metric_differs() -> None:
    before = run({"loss": summary(0.5, max=2.0, count=10)})
    assert judge(before, run({"loss": summary(0.5, max=3.0, count=10)})).differences[0][1:5] == (
        "loss",
        2.0,
        3.0,
        "max",
    )
    assert judge(before, run({"loss": summary(0.5, max=2.0, count=9)})).differences[0].part == "count"


def test_a_tolerance_covers_a_metric_when_all_of_it_is_near() -> None:
    rules = Rules({"loss": Tolerance(0.1)})
    found = judge(run({"loss": 0.5}), run({"loss": 0.55}), rules)
    assert (found.verdict, found.differences[0].within) == (WITHIN, "tolerance 0.1")
    before = run({"loss": summary(0.5, min=0.1, count=10)})
    assert judge(before, run({"loss": summary(0.5, min=0.3, count=8)}), rules).verdict == DIFFERS
    # An early stop an epoch later is no other result.
    assert judge(before, run({"loss": summary(0.5, min=0.1, count=11)}), rules).verdict == WITHIN


def test_the_spread_of_replicates_covers_what_lies_between_them() -> None:
    rules = Rules(spread_of=lambda name: Spread(0.4, 0.6, 3) if name == "acc" else None)
    found = judge(run({"acc": 0.5, "loss": 1.0}), run({"acc": 0.45, "loss": 1.0}), rules)
    assert (found.verdict, found.differences[0].within) == (WITHIN, "spread of 3 replicates, 0.4 to 0.6")
    assert judge(run({"acc": 0.5}), run({"acc": 0.39}), rules).verdict == DIFFERS
    assert judge(run({"acc": 0.5}), run({"acc": math.nan}), rules).verdict == DIFFERS


def test_a_spread_takes_three_runs() -> None:
    runs = [run({"acc": value}) for value in (0.5, 0.7, math.nan)]
    assert spread_of(runs, "acc") is None
    assert spread_of([*runs, run({"acc": 0.6})], "acc") == Spread(0.5, 0.7, 3)


def test_other_bytes_with_equal_metrics_are_within_tolerance_and_listed() -> None:
    found = judge(run({"acc": 0.5}, MODEL), run({"acc": 0.5}, OTHER))
    assert (found.verdict, found.differences[0].before, found.equal) == (WITHIN, "1" * 64, 1)


def test_other_bytes_that_no_metric_speaks_for_differ() -> None:
    assert judge(run({}, MODEL), run({}, OTHER)).verdict == DIFFERS
    assert judge(run({"it/s": 1.0}, MODEL), run({"it/s": 1.0}, OTHER)).verdict == DIFFERS


@pytest.mark.parametrize(("before", "after"), [((MODEL,), ()), ((), (MODEL,))])
def test_an_output_that_one_run_lacks_differs(before: tuple, after: tuple) -> None:
    assert judge(run({"acc": 0.5}, *before), run({"acc": 0.5}, *after)).verdict == DIFFERS


def test_a_metric_that_one_run_lacks_differs_whatever_is_allowed() -> None:
    rules = Rules({"*": Tolerance(9.0)})
    assert judge(run({"acc": 0.5}), run({}), rules).verdict == DIFFERS
    assert judge(run({}), run({"acc": 0.5}), rules).verdict == DIFFERS


def test_an_output_the_second_run_did_not_write_is_no_proof() -> None:
    found = judge(run({"acc": 0.5}, MODEL), run({"acc": 0.5}, MODEL), unwritten=["m.pt"])
    assert (found.verdict, found.differences[0].after) == (DIFFERS, None)


def test_another_end_differs() -> None:
    found = judge(run({"acc": 0.5}), run({"acc": 0.5}, exit_code=1, status="failed"))
    assert (found.verdict, found.differences[0][:4]) == (DIFFERS, ("end", "how it ended", "exit code 0", "exit code 1"))
    failed = run({"acc": 0.5}, exit_code=1, status="failed")
    assert judge(failed, failed).verdict == REPRODUCED


def test_an_absolute_path_is_the_one_it_moved_to() -> None:
    def at(path: str) -> Artifact:
        return Artifact(kind="model", path=path, digest="1" * 64, size=1)

    assert judge(run({}, at("/old/m")), run({}, at("/new/m"))).verdict == REPRODUCED


def test_the_files_of_a_folder_that_differ_are_named() -> None:
    def folder(digest: str) -> Artifact:
        return Artifact(kind="report", path="out", digest=digest, size=1, is_tree=True)

    def files_of(artifact: Artifact) -> list[StoredFile]:
        other = {"1": "a", "2": "b"}[artifact.digest[0]]
        kept = [StoredFile(path="same", digest="c" * 64, size=1), StoredFile(path="log", digest=other * 64, size=1)]
        return kept if other == "a" else [*kept, StoredFile(path="new", digest="c" * 64, size=1)]

    found = judge(run({}, folder("1" * 64)), run({}, folder("2" * 64)), files_of=files_of)
    assert found.differences[0].note == "differs in log, new"
    assert judge(run({}, MODEL), run({}, OTHER)).differences[0].note == ""
