"""The JSON of verify, gc, undo, lineage, policy, best and importance: keys and their order, each one documented."""

from __future__ import annotations

from pathlib import Path

from exptrack.actions.explain_policy import Rule
from exptrack.actions.forest import Importance
from exptrack.actions.importance import Factor, Study
from exptrack.actions.lineage import Lineage
from exptrack.actions.links import Link, Made, Used
from exptrack.actions.present import trust as present
from exptrack.actions.rank import Ranked, Ranking
from exptrack.actions.retain import Fate, Plan
from exptrack.actions.trash import Moved, TrashBatch, Undone
from exptrack.actions.unnamed import Unnamed
from exptrack.actions.verify import Earlier, Problem, Verified
from made_runs import made_run, run_id

DOC = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text()


def holds(data: dict, *keys: str) -> None:
    assert list(data) == list(keys)
    assert [k for k in keys if f"`{k}`" not in DOC] == []


def test_verify():
    data = present.verified_json(Verified(2, 9, 8, 512, (Problem("r", "model m", "missing", "d"),), {"m": "h"}))
    holds(data, "passed", "runs", "objects", "read", "size", "problems", "heads", "earlier")
    assert data["earlier"] is None
    data = present.verified_json(Verified(2, 9, 8, 512, (), {}, Earlier(1763848443.0, 1, 7)))
    assert data["earlier"] == {"since": "2025-11-22T21:54:03.000Z", "objects": 1, "size": 7}
    data = present.verified_json(Verified(2, 9, 8, 512, (Problem("r", "model m", "missing", "d"),), {"m": "h"}))
    holds(data["problems"][0], "run", "what", "problem", "digest", "file")
    assert data["passed"] is False


def test_gc_and_undo():
    fates = (Fate(made_run(1), (), {"d": 5}, {"shared": 2}, (), 7), Fate(made_run(2), ("pinned",), {}, {}, (), 4))
    plan = Plan(fates, 100, None, ("w",))
    batch = TrashBatch("/t", "b", "2026-11-22T21:54:03.120Z", {"r": ("d",)}, 1, 5)
    data = present.gc_json(plan, None, [batch])
    keys = ("applied", "objects", "size", "store_size", "max_size", "runs", "trash", "warnings", "unnamed", "leftovers")
    holds(data, *keys)
    holds(data["unnamed"], "objects", "size")
    holds(data["leftovers"], "files", "size")
    holds(
        data["runs"][0], "run", "name", "ended_at", "goes", "size", "freed", "held", "shared_with", "rules", "digests"
    )
    holds(data["trash"][0], "batch", "at", "objects", "size")
    assert (data["applied"], data["objects"], data["size"]) == (False, 1, 5)
    data = present.gc_json(plan._replace(unnamed=Unnamed({"o": 3}, {}, {"objects/.x.tmp": 4})), None, [])
    assert (data["objects"], data["size"]) == (2, 12)
    assert (data["unnamed"], data["leftovers"]) == ({"objects": 1, "size": 3}, {"files": 1, "size": 4})
    data = present.gc_json(plan, Moved("b", 0, 0, 1), [])
    assert (data["applied"], data["objects"], data["size"]) == (True, 0, 0)
    holds(present.undone_json(Undone("b", "t", 1, 2, 3)), "batch", "at", "runs", "objects", "size")


def test_lineage():
    link = Link(Made(run_id(1), "d", "model", "m.pt"), Used(run_id(2), "d", "init", "w.pt"))
    runs = {run_id(n): made_run(n) for n in (1, 2)}
    data = present.lineage_json(Lineage(runs[run_id(2)], (run_id(1),), (), (link,), runs))
    holds(data, "run", "up", "down", "runs", "links")
    holds(data["runs"][0], "run", "name", "status", "started_at", "models")
    holds(data["links"][0], "from", "to", "digest", "kind", "path", "input", "input_path")


def test_policy():
    data = present.policy_json(None, [Rule("before the start", "tag owner", "default")])
    holds(data, "path", "rules")
    holds(data["rules"][0], "when", "model", "asked", "given", "source")


def test_best_and_importance():
    data = present.ranking_json(Ranking("acc", "max", (Ranked(made_run(1, params={"lr": float("nan")}), 0.5, None),)))
    holds(data, "metric", "goal", "run", "value", "runs")
    holds(data["runs"][0], "run", "name", "value", "step", "params")
    assert data["runs"][0]["params"] == {"lr": "nan"}
    factors = (Factor("lr", "number", 3, 0.5, 0.4, None, Importance(0.2, 0.1)), Factor("o", "category", 2, *[None] * 4))
    data = present.study_json(Study("acc", "max", 12, 0.4, factors, {"p": "why"}))
    holds(data, "metric", "part", "runs", "enough", "explained", "parameters", "left_out")
    keys = ("name", "kind", "distinct", "spearman", "pearson", "eta2", "importance", "uncertainty")
    holds(data["parameters"][0], *keys)
    assert data["parameters"][1]["importance"] is None
