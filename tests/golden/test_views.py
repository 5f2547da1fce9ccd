"""What people see, whole pages at a time: in a pipe, on a terminal of 100 cells, and with colours."""

from __future__ import annotations

import math

import pytest

from exptrack.actions.diff import diff_runs
from exptrack.actions.patch import patch
from exptrack.actions.promote import History, Verdict
from exptrack.cli.diffview import print_diff, print_patch
from exptrack.cli.modelview import print_history, print_models, print_verdict
from exptrack.cli.show import print_run
from exptrack.cli.table import print_runs
from exptrack.model import CodeState
from exptrack.store.place import open_store
from golden_text import assert_golden
from made_runs import GATES, full_run, made_run, metric, piped, promotion, run_id, terminal, text_of, tree_of

SCREENS = {"pipe": piped, "terminal": terminal}


def listed():
    """Newest first, as `ls` has them: every status, marks, an evil name, a wide one, NaN, a metric only some have."""
    statuses = ("running", "finished", "incomplete", "failed", "killed", "lost")
    names = ("cosine-decay", "日本語の名前", "evil\x1b[2J", None, "a-name-that-goes-on-and-on-and-on", "first")
    runs = []
    for i, (status, name) in enumerate(zip(statuses, names, strict=True)):
        number = 6 - i
        metrics = {"val/acc": metric(0.80 + 0.02 * number, "max"), "loss": metric(0.7 / number, "min")}
        if status == "failed":
            metrics["loss"] = metric(math.nan, "min")
        if status in ("running", "lost"):
            metrics.pop("val/acc")
        runs.append(
            made_run(
                number,
                name=name,
                status=status,
                started_at=f"2026-11-2{2 - i // 4}T{21 - i % 4 * 5:02d}:55:00.000Z",
                seconds=None if status in ("running", "lost") else 17.3 * 9**i,
                params={"lr": 0.1 / number, "optimiser": "adam" if number % 2 else "sgd", "epochs": 20},
                tags={"owner": "vision", "intent": ("tune", "debug")[number % 2]},
                metrics=metrics,
                models=("digits-prod",) if number == 5 else (),
                pinned=number == 1,
            )
        )
    return runs


@pytest.mark.parametrize("kind", SCREENS)
def test_ls(kind):
    screen = SCREENS[kind]()
    print_runs(screen, listed())
    assert_golden(f"ls-{kind}", text_of(screen))


@pytest.mark.parametrize("kind", SCREENS)
def test_show(kind):
    screen = SCREENS[kind]()
    print_run(screen, full_run())
    assert_golden(f"show-{kind}", text_of(screen))


def two_runs(store):
    before = {
        "train.py": b"import model\nlr = 0.1\nfor epoch in range(20):\n    step()\n",
        "README": b"old\n",
        "b.bin": b"\0\1",
    }
    after = {**before, "train.py": b"import model\nlr = 0.1\nfor epoch in range(30):\n    step()\n    save()\n"}
    after |= {"b.bin": b"\0\2", "notes\x1b[31m.txt": b"tab\there\n"}
    del after["README"]
    full = full_run(1)
    old = full.manifest.code
    code = {"root": old.root, "branch": "main"}
    a = full_run(1, code=CodeState(tree=tree_of(store, before), commit="a" * 40, **code), missing=())
    b = full_run(
        2,
        name="smaller-lr",
        command=("python", "train.py", "--lr", "0.001"),
        params={**full.manifest.params, "lr": 0.001, "warmup": 100},
        metrics={
            "val/acc": metric(0.93, "max"),
            "loss": metric(0.2, "min"),
            "seconds_per_epoch": metric(4.5),
            "f1": metric(0.9, "max"),
        },
        code=CodeState(tree=tree_of(store, after), commit="b" * 40, **code),
        seconds=160.0,
        missing=(),
        artifacts=full.manifest.artifacts[1:],
    )
    return a, b


@pytest.mark.parametrize(("kind", "is_coloured"), [("pipe", False), ("terminal", True)])
def test_diff(tmp_path, kind, is_coloured):
    store = open_store(str(tmp_path), create=True)
    a, b = two_runs(store)
    screen = SCREENS[kind](has_colour=is_coloured)
    print_diff(screen, diff_runs(store, a, b), a, b)
    screen.line()
    print_patch(screen, patch(store, a.manifest.code.tree, b.manifest.code.tree))
    assert_golden(f"diff-{kind}", text_of(screen))


@pytest.mark.parametrize("kind", SCREENS)
def test_models(kind):
    screen, run = SCREENS[kind](), full_run()
    first = promotion(1, run_id(3), reason="the first one", at="2026-11-01T08:00:00.000Z", gates=GATES[:1])
    history = History(
        "digits-prod",
        run.id,
        (first, promotion(2, None, run_id(3), author="bob"), promotion(3, run.id, gates=GATES[:1] * 4)),
    )
    gone = History("old-model", None, (first, promotion(2, None, run_id(3), reason="superseded by digits-prod")))
    print_models(screen, [history, gone], {run.id: run})
    screen.line()
    print_history(screen, history, {run.id: run})
    screen.line()
    print_verdict(screen, Verdict(run, "digits-prod", None, GATES))
    assert_golden(f"models-{kind}", text_of(screen))
