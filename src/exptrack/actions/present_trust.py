"""The public JSON of `verify`, `gc`, `lineage`, `policy explain`, `best` and `importance` (docs/json.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.actions.explain_policy import Rule
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
        "problems": [{"run": p.run, "what": p.what, "problem": p.wrong, "digest": p.digest} for p in done.problems],
        "heads": done.heads,
    }


def policy_json(path: str | None, rules: Iterable[Rule]) -> JsonObject:
    """What is asked of a run, each thing with the place that asks it; `path` null: no file, the defaults hold."""
    asked = [{"when": r.when, "model": r.model, "asked": r.asked, "given": r.given, "source": r.source} for r in rules]
    return {"path": path, "rules": asked}
