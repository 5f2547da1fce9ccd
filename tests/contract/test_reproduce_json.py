"""The JSON of `reproduce` and of its score: keys and their order, each one documented."""

from __future__ import annotations

import json
import math
from pathlib import Path

from exptrack.actions.present.reproductions import readiness_json, result_json
from exptrack.actions.present.runs import reproduction_json, run_json
from exptrack.actions.reproducing.compare_environment import Unlike
from exptrack.actions.reproducing.compare_reproduction import Comparison, Difference
from exptrack.actions.reproducing.reproduce import Result
from exptrack.actions.reproducing.reproducible import Check, Readiness
from exptrack.model import Reproduction
from made_runs import made_run, run_id

DOC = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text()
READY = Readiness(
    (Check("code", True, True, "12 files"), Check("environment", False, False, "numpy 1 → 2", "it would be built")), ()
)
RESULT = Result(
    made_run(1),
    "differs",
    READY,
    made_run(2),
    Comparison(
        (
            Difference("output", "model m.pt", "1" * 64, None, note="was not written again"),
            Difference("metric", "loss", 0.5, math.nan, "last"),
            Difference("metric", "acc", 0.5, 0.75, "last", "tolerance 1%"),
        ),
        2,
        3,
        2,
        ("eta",),
    ),
    "uv",
    (Unlike("numpy", "1", "2"),),
    ("a note",),
    "/tmp/x",
)


def holds(data: dict, *keys: str) -> None:
    assert list(data) == list(keys)
    assert [k for k in keys if f"`{k}`" not in DOC] == []
    json.dumps(data, allow_nan=False)


def test_reproduce():
    data = result_json(RESULT)
    holds(
        data, "verdict", "run", "again", "differences", "environment", "problems", "compared", "folder", "reproducible"
    )
    assert (data["verdict"], data["run"], data["again"]) == ("differs", run_id(1), run_id(2))
    output, loss, acc = data["differences"]
    keys = ("what", "name", "part", "before", "after", "delta", "within", "note")
    holds(output, *keys)
    holds(loss, *keys, "nan", "not_finite")
    assert (loss["after"], loss["not_finite"]) == (None, {"after": "nan"})
    holds(acc, *keys)
    assert (acc["delta"], acc["within"], acc["note"]) == (0.25, "tolerance 1%", None)
    holds(data["environment"], "same", "how", "differences")
    assert data["environment"]["same"] is False
    holds(data["environment"]["differences"][0], "name", "before", "after")
    holds(data["compared"], "outputs", "metrics", "equal", "left_out")


def test_nothing_was_run():
    data = result_json(Result(made_run(1), "not reproducible", READY, problems=("code: gone",)))
    assert data["again"] is None
    assert data["environment"] == {"same": None, "how": "none", "differences": []}
    assert data["problems"] == ["code: gone"]


def test_the_score():
    data = readiness_json(READY)
    holds(data, "possible", "met", "of", "checks")
    assert (data["possible"], data["met"], data["of"]) == (True, 1, 2)
    holds(data["checks"][0], "check", "met", "needed", "text", "hint")


def test_what_show_says_of_it():
    said = Reproduction(run=run_id(2), verdict="reproduced", at="2026-11-23T00:00:00.000Z", author="ann")
    data = reproduction_json(said)
    assert data is not None
    holds(data, "run", "verdict", "at", "author", "environment", "differences")
    shown = run_json(made_run(1, reproductions=(said,)))
    assert shown["reproductions"] == [data]
    assert shown["reproduces"] is None
