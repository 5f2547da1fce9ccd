"""The public JSON of `verify`, `gc`, `lineage`, `policy explain`, `best` and `importance` (docs/json.md)."""

from __future__ import annotations

from collections.abc import Iterable

from exptrack.actions.present.runs import finite, plain
from exptrack.record.rundir import utc
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.actions.explain_policy import Rule
    from exptrack.actions.importance import Factor, Study
    from exptrack.actions.lineage import Lineage
    from exptrack.actions.rank import Ranking
    from exptrack.actions.retain import Fate, Plan
    from exptrack.actions.trash import Moved, TrashBatch, Undone
    from exptrack.actions.verify import Verified

JsonObject = dict[str, Any]


def verified_json(done: Verified) -> JsonObject:
    """`objects` are named, `read` of them were hashed again (`size` bytes). `heads`: model -> sha256 of the last line
    of its history, to keep elsewhere."""
    return {
        "passed": not done.problems,
        "runs": done.runs,
        "objects": done.objects,
        "read": done.read,
        "size": done.size,
        "problems": [
            {"run": p.run, "what": p.what, "problem": p.wrong, "digest": p.digest, "file": p.file}
            for p in done.problems
        ],
        "heads": done.heads,
        "earlier": done.earlier
        and {"since": utc(done.earlier.since), "objects": done.earlier.objects, "size": done.earlier.size},
    }


def policy_json(path: str | None, rules: Iterable[Rule]) -> JsonObject:
    """What is asked of a run, each thing with the place that asks it; `path` null: no file, the defaults hold."""
    asked = [{"when": r.when, "model": r.model, "asked": r.asked, "given": r.given, "source": r.source} for r in rules]
    return {"path": path, "rules": asked}


def gc_json(plan: Plan, moved: Moved | None, trash: Iterable[TrashBatch]) -> JsonObject:
    """`size` bytes in `objects` objects go, or have gone to the trash (`applied`); `rules`: what keeps a run."""
    goes = plan.goes
    return {
        "applied": moved is not None,
        "objects": moved.objects if moved else len(goes) + len(plan.unnamed.objects),
        "size": moved.size if moved else sum(goes.values()) + plan.unnamed.size,
        "store_size": plan.store_size,
        "max_size": plan.max_size,
        "runs": [_fate(f) for f in plan.fates],
        "trash": [{"batch": b.stamp, "at": b.at, "objects": b.objects, "size": b.size} for b in trash],
        "warnings": list(plan.warnings),
        "unnamed": {"objects": len(plan.unnamed.objects), "size": sum(plan.unnamed.objects.values())},
        "leftovers": {"files": len(plan.unnamed.leftovers), "size": sum(plan.unnamed.leftovers.values())},
    }


def _fate(fate: Fate) -> JsonObject:
    m = fate.run.manifest
    return {
        "run": m.id,
        "name": m.name,
        "ended_at": m.ended_at,
        "goes": bool(fate.goes),
        "size": fate.size,
        "freed": sum(fate.goes.values()),
        "held": dict(fate.held),
        "shared_with": list(fate.sharers),
        "rules": list(fate.rules),
        "digests": sorted(fate.goes),
    }


def undone_json(done: Undone) -> JsonObject:
    """What `undo gc` brought back; `at`: when it had gone."""
    return {"batch": done.stamp, "at": done.at, "runs": done.runs, "objects": done.objects, "size": done.size}


def ranking_json(ranking: Ranking) -> JsonObject:
    """`best`: the first run's id and value at the top, then each run in order."""
    runs = [
        {
            "run": r.run.id,
            "name": r.run.manifest.name,
            "value": r.value,
            "step": r.step,
            "params": {k: plain(v) for k, v in sorted(r.run.manifest.params.items())},
        }
        for r in ranking.runs
    ]
    head = ranking.runs[0]
    return {"metric": ranking.metric, "goal": ranking.goal, "run": head.run.id, "value": head.value, "runs": runs}


def study_json(study: Study) -> JsonObject:
    """`importance`: strongest parameter first; `enough`: are there runs enough to tell?"""
    return {
        "metric": study.metric,
        "part": study.part,
        "runs": study.runs,
        "enough": study.is_enough,
        "explained": finite(study.explained),
        "parameters": [_factor(f) for f in study.factors],
        "left_out": study.left_out,
    }


def _factor(factor: Factor) -> JsonObject:
    return {
        "name": factor.name,
        "kind": factor.kind,
        "distinct": factor.distinct,
        "spearman": finite(factor.spearman),
        "pearson": finite(factor.pearson),
        "eta2": finite(factor.eta2),
        "importance": finite(factor.importance.mean) if factor.importance else None,
        "uncertainty": finite(factor.importance.spread) if factor.importance else None,
    }


def lineage_json(family: Lineage) -> JsonObject:
    """`up` and `down`: ids, nearest first; `links` go from what was made to what used it."""
    return {
        "run": family.run.id,
        "up": list(family.up),
        "down": list(family.down),
        "runs": [
            {
                "run": run.id,
                "name": run.manifest.name,
                "status": run.status,
                "started_at": run.manifest.started_at,
                "models": list(run.models),
            }
            for run in family.runs.values()
        ],
        "links": [
            {
                "from": made.run,
                "to": used.run,
                "digest": made.digest,
                "kind": made.kind,
                "path": made.path,
                "input": used.name,
                "input_path": used.path,
            }
            for made, used in family.links
        ],
    }
