"""The JSON that scripts rely on: keys, their order and their types, as docs/json.md promises them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from exptrack.actions.approve import Approval
from exptrack.actions.diff import diff_runs, is_different
from exptrack.actions.fetch import Fetched
from exptrack.actions.hooks import HookResult
from exptrack.actions.present.models import (
    approval_json,
    changed_json,
    model_json,
    models_json,
    rolled_json,
    verdict_json,
)
from exptrack.actions.present.runs import diff_json, fetched_json, ls_csv, run_json, which_json
from exptrack.actions.promote import History, Verdict
from exptrack.actions.rollback import RolledBack
from exptrack.actions.which import Answer, Match, Use
from exptrack.cli.plain import print_json
from exptrack.comparison import RunDiff
from exptrack.model import Artifact, Event
from exptrack.store.place import open_store
from made_runs import GATES, full_run, made_run, metric, piped, promotion, text_of

DOC = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text()

NUMBER = (int, float)
OPTIONAL = (str, type(None))
OPTIONAL_NUMBER = (int, float, type(None))
# Key -> type, a shape, [shape of each element], or {"*": shape of each value}. Order counts.
METRIC = {
    **dict.fromkeys(("first", "last", "min", "max", "best", "best_step", "last_step"), OPTIONAL_NUMBER),
    "count": int,
    "goal": OPTIONAL,
    "source": OPTIONAL,
    "unit": OPTIONAL,
}
CODE = {
    "commit": OPTIONAL,
    "branch": OPTIONAL,
    "remote": OPTIONAL,
    "dirty": (bool, type(None)),
    "tree": OPTIONAL,
    "files": int,
    "root": OPTIONAL,
    "changed": [str],
    "untracked": [str],
    "left_out": [str],
    "masked": [str],
}
ENVIRONMENT = {
    "python": OPTIONAL,
    "executable": OPTIONAL,
    "packages": {"*": str},
    "implementation": OPTIONAL,
    "virtualenv": OPTIONAL,
    "conda": OPTIONAL,
    "sources": {"*": str},
    "lock_files": [str],
    "variables": {"*": str},
}
GPU = {
    "index": int,
    "name": str,
    "uuid": str,
    "memory": OPTIONAL_NUMBER,
    "driver": OPTIONAL,
    "mig": OPTIONAL,
    "capability": OPTIONAL,
}
MACHINE = {
    "os": OPTIONAL,
    "cpu": OPTIONAL,
    "cores": OPTIONAL_NUMBER,
    "memory": OPTIONAL_NUMBER,
    "gpus": [GPU],
    "cuda": OPTIONAL,
    "scheduler": {"*": str},
}
USAGE = dict.fromkeys(("cpu_seconds", "max_rss", "max_gpu_memory", "gpu_utilisation", "energy_joules"), OPTIONAL_NUMBER)
INPUT = {"name": str, "path": str, "digest": OPTIONAL, "size": int, "files": int}
ARTIFACT = {
    "kind": str,
    "path": str,
    "digest": str,
    "size": int,
    "files": int,
    "folder": bool,
    "expired": bool,
    "older": bool,
}
FETCHED = {**ARTIFACT, "written": str, "leading_out": [str]}
ATTEMPT = {
    "number": int,
    "id": str,
    "status": str,
    "started_at": str,
    "ended_at": OPTIONAL,
    "seconds": OPTIONAL_NUMBER,
    "exit_code": (int, type(None)),
    "signal": OPTIONAL,
    "host": str,
    "author": str,
    "command": [str],
    "cwd": str,
    "stopped_by": OPTIONAL,
    "python": OPTIONAL,
    "environment": OPTIONAL,
    "gpus": [str],
    "commit": OPTIONAL,
    "tree": OPTIONAL,
    "points": OPTIONAL,
    "logs": {"*": str},
    "warnings": [str],
}
REPRODUCTION = {
    "run": OPTIONAL,
    "verdict": str,
    "at": str,
    "author": str,
    "environment": OPTIONAL,
    "differences": int,
}
RUN = {
    "id": str,
    "name": OPTIONAL,
    "status": str,
    "project": OPTIONAL,
    "group": OPTIONAL,
    "note": OPTIONAL,
    "author": str,
    "host": str,
    "command": [str],
    "cwd": str,
    "started_at": str,
    "ended_at": OPTIONAL,
    "seconds": OPTIONAL_NUMBER,
    "exit_code": (int, type(None)),
    "signal": OPTIONAL,
    "tags": {"*": str},
    "params": {"*": (str, int, float, bool, type(None))},
    "metrics": {"*": METRIC},
    "code": CODE,
    "environment": ENVIRONMENT,
    "machine": MACHINE,
    "usage": USAGE,
    "inputs": [INPUT],
    "artifacts": [ARTIFACT],
    "models": [str],
    "warnings": [str],
    "pinned": bool,
    "missing": [str],
    "parent": OPTIONAL,
    "version": str,
    "stopped_by": OPTIONAL,
    "attempts": [ATTEMPT],
    "policy_bypassed": OPTIONAL,
    "reproductions": [REPRODUCTION],
    "reproduces": (dict, type(None)),
}
CHANGE = {
    "key": str,
    "kind": str,
    "before": object,
    "after": object,
    "delta": OPTIONAL_NUMBER,
    "verdict": OPTIONAL,
    "added_lines": (int, type(None)),
    "removed_lines": (int, type(None)),
    "note": OPTIONAL,
}
DIFF = {"a": str, "b": str, "different": bool, "sections": {"*": [CHANGE]}}
GATE = {"gate": str, "passed": bool, "value": object, "wanted": object, "hint": OPTIONAL}
HOOK = {"command": str, "exit_code": (int, type(None)), "seconds": NUMBER, "problem": OPTIONAL}
WHY = {"run": str, "model": str, "passed": bool, "current": OPTIONAL, "gates": [GATE]}
PROMOTED = {
    "run": str,
    "model": str,
    "passed": bool,
    "current": OPTIONAL,
    "sequence": int,
    "previous": OPTIONAL,
    "at": str,
    "gates": [GATE],
    "author": str,
    "reason": OPTIONAL,
    "hooks": [HOOK],
}
APPROVAL = {
    "action": str,
    "author": str,
    "at": str,
    "manifest": OPTIONAL,
    "reason": OPTIONAL,
    "recorded": bool,
}
PROMOTION = {
    "sequence": int,
    "run": OPTIONAL,
    "previous": OPTIONAL,
    "at": str,
    "author": str,
    "reason": OPTIONAL,
    "gates": [GATE],
}
CHANGED = {"model": str, **PROMOTION, "hooks": [HOOK]}
ROLLED = {**CHANGED, "unmet": [GATE]}
MODEL = {"model": str, "current": OPTIONAL, "history": [PROMOTION], "untold": [str]}
MODELS = {
    "models": [
        {
            "model": str,
            "current": OPTIONAL,
            "sequence": int,
            "previous": OPTIONAL,
            "at": str,
            "author": str,
            "reason": OPTIONAL,
        }
    ]
}
MATCH = {
    "run": str,
    "name": OPTIONAL,
    "status": str,
    "started_at": str,
    "kind": str,
    "path": str,
    "older": bool,
    "promotions": [{"model": str, "sequence": int, "current": bool}],
    "repeats": OPTIONAL,
}
USES = {"inputs": [{"run": str, "input": str, "path": str}]}
ANSWER = {"asked": str, "digest": OPTIONAL, "runs": [MATCH]}
WHICH = {**ANSWER, "files": [{**ANSWER, "files": [ANSWER], **USES}], **USES}
# Only there where a number is not finite; they come last.
ODD = ("nan", "not_finite")


def check(data, shape, where="$"):
    """`data`, read back from the text that is printed, has exactly this shape."""
    if isinstance(shape, list):
        assert isinstance(data, list), where
        for i, element in enumerate(data):
            check(element, shape[0], f"{where}[{i}]")
    elif isinstance(shape, dict) and "*" in shape:
        assert isinstance(data, dict), where
        assert list(data) == sorted(data) or where.endswith("sections"), where
        for key, element in data.items():
            check(element, shape["*"], f"{where}.{key}")
    elif isinstance(shape, dict):
        assert [k for k in data if k not in ODD] == list(shape), where
        assert data.get("nan", True) is True
        assert set(data.get("not_finite", {}).values()) <= {"nan", "inf", "-inf"}
        for key, inner in shape.items():
            check(data[key], inner, f"{where}.{key}")
    else:
        allowed = shape if isinstance(shape, tuple) else (shape,)
        assert isinstance(data, allowed), where
        assert not isinstance(data, bool) or bool in allowed or object in allowed, where


def printed(data):
    """What a script reads."""
    screen = piped()
    print_json(screen, data)

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text_of(screen), parse_constant=refuse)


ODD_RUN = made_run(
    2,
    name="caf\udce9\x1b[2J",
    status="lost",
    ended_at=None,
    seconds=None,
    exit_code=None,
    metrics={"loss": metric(math.nan), "reward": metric(-math.inf, "max", best=math.nan)},
    params={"inf": math.inf},
)
RUNS = [full_run(), made_run(), ODD_RUN]
HOOKS = [HookResult("./deploy prod", 0, 0.25, ""), HookResult("./gone", None, 0.0, "could not be started")]
VERDICT = Verdict(RUNS[0], "m", None, GATES)
HISTORY = History("m", RUNS[0].id, (promotion(1, None), promotion(2, RUNS[0].id, gates=GATES)))


@pytest.mark.parametrize("run", RUNS, ids=["full", "bare", "odd"])
def test_run(run):
    check(printed(run_json(run)), RUN)


def test_ls_is_an_array_of_runs():
    check(printed([run_json(r) for r in RUNS]), [RUN])
    assert printed([]) == []


@pytest.mark.parametrize("pair", [(0, 0), (0, 1), (0, 2), (2, 1)])
def test_diff(tmp_path, pair):
    a, b = (RUNS[i] for i in pair)
    diff = diff_runs(open_store(str(tmp_path), create=True), a, b)
    data = printed(diff_json(diff, is_different(diff)))
    check(data, DIFF)
    assert data["different"] is (pair != (0, 0))


def test_why_and_promote():
    check(printed(verdict_json(VERDICT)), WHY)
    check(printed(verdict_json(VERDICT, promotion(1, RUNS[0].id), HOOKS)), PROMOTED)


def test_approve():
    said = Event(id="e", run=RUNS[0].id, action="approve", at="2026-11-22T21:58:00.000Z", author="bob")
    for data in ({"model": "m", "manifest": "2" * 64}, {"model": "m", "manifest": "2" * 64, "reason": "seen"}):
        event = replace(said, data=data)
        check(printed(approval_json(Approval(VERDICT, event, True))), {**WHY, "approval": APPROVAL})


@pytest.mark.parametrize("run", [RUNS[0].id, None])
def test_rollback_and_demote(run):
    made = promotion(3, run, "x", gates=GATES)
    check(printed(changed_json(made, HOOKS)), CHANGED)
    check(printed(rolled_json(RolledBack(made, GATES, ""), HOOKS)), ROLLED)
    assert printed(rolled_json(RolledBack(made, (), "a word is damaged"), HOOKS))["unmet"] is None


def test_models():
    check(printed(model_json(HISTORY, ["./deploy.sh"])), MODEL)
    check(printed(models_json([HISTORY])), MODELS)
    assert printed(models_json([])) == {"models": []}


def test_which():
    check(printed(which_json(Answer("f", "2" * 64, (Match(RUNS[0], "model", "out/m"),)))), WHICH)
    promoted = Match(RUNS[0], "model", "out/m", is_older=True, promotions=(("prod", 1),), repeats="r")
    check(printed(which_json(Answer("f", "2" * 64, (promoted,)))), WHICH)
    check(printed(which_json(Answer("f", "2" * 64, (), (), (Use("r", "train", "t.csv"),)))), WHICH)
    check(printed(which_json(Answer("m", None, ()))), WHICH)
    check(printed(which_json(Answer("dir", "3" * 64, (), (Answer("dir/f", "2" * 64, ()),)))), WHICH)


def test_get():
    artifact = Artifact(kind="split", path="d", digest="2" * 64, size=3, files=2, is_tree=True)
    check(printed(fetched_json(Fetched(artifact, "out/d", ("out/d/up",)))), FETCHED)


def test_nothing_differs_is_still_an_answer():
    assert printed(diff_json(RunDiff(a="a", b="b", sections={}), False)) == {
        "a": "a",
        "b": "b",
        "different": False,
        "sections": {},
    }


def test_the_fields_of_csv_stay_in_their_order():
    head = next(ls_csv([made_run()]))
    assert head == [
        "id",
        "name",
        "status",
        "project",
        "group",
        "note",
        "author",
        "host",
        "command",
        "cwd",
        "started_at",
        "ended_at",
        "seconds",
        "exit_code",
        "signal",
        "pinned",
        "models",
        "parent",
        "version",
        "stopped_by",
        "attempts",
        "policy_bypassed",
    ]


DOCUMENTED = [
    RUN,
    ATTEMPT,
    METRIC,
    CODE,
    ENVIRONMENT,
    MACHINE,
    GPU,
    USAGE,
    INPUT,
    ARTIFACT,
    FETCHED,
    DIFF,
    CHANGE,
    GATE,
    WHY,
    PROMOTED,
]
DOCUMENTED += [PROMOTION, HOOK, APPROVAL, ROLLED, MODEL, MODELS["models"][0], MATCH, WHICH, dict.fromkeys(ODD)]


@pytest.mark.parametrize("shape", DOCUMENTED)
def test_every_key_is_documented(shape):
    assert [key for key in shape if key != "*" and f"`{key}`" not in DOC] == []
