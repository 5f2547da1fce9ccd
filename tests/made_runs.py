"""Runs made by hand for tests of what people and scripts read: each fact may be given, the rest is always the same."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

from exptrack.cli.screen import Screen
from exptrack.model import (
    Artifact,
    CodeState,
    Environment,
    Gate,
    Gpu,
    Input,
    Machine,
    MetricSummary,
    Promotion,
    Run,
    RunManifest,
    StoredFile,
    Usage,
)
from exptrack.store.place import Store
from exptrack.store.trees import encode_tree

# 2026-11-22T22:00:00Z: five minutes after the first of the runs below started.
NOW = 1795384800.0
WORDS = ("status", "tags", "note", "pinned", "models", "expired", "expired_at", "reproductions", "reproduces")


def run_id(number: int) -> str:
    return f"01kmade{number:09d}"


def metric(last: float, goal: str | None = None, **more: Any) -> MetricSummary:
    best = {"max": 0.95, "min": 0.05}.get(goal or "")
    facts = {"first": 1.0, "min": 0.05, "max": 1.0, "count": 10, "best": best, "best_step": 7.0 if best else None}
    return MetricSummary(**{**facts, "last": last, "last_step": 9.0, "goal": goal, "source": "stdout", **more})


def made_run(number: int = 1, **facts: Any) -> Run:
    """A run as people see it; `facts` are fields of the manifest or of Run."""
    words = {k: facts.pop(k) for k in WORDS if k in facts}
    base: dict[str, Any] = {
        "id": run_id(number),
        "status": words.get("status", "finished"),
        "command": ("python", "train.py"),
        "cwd": "/home/ann/digits",
        "started_at": "2026-11-22T21:55:00.000Z",
        "ended_at": "2026-11-22T21:56:40.000Z",
        "seconds": 100.0,
        "exit_code": 0,
        "signal": None,
        "host": "node7",
        "author": "ann",
        "version": "0.1.0",
    }
    manifest = RunManifest(**{**base, **facts, "tags": words.get("tags", {}), "note": words.get("note")})
    defaults = {"status": manifest.status, "tags": manifest.tags, "note": manifest.note}
    return Run(manifest=manifest, **{**defaults, **words})


GPU = Gpu(index=0, name="NVIDIA H100", uuid="GPU-1", memory=80 << 30, driver="550.90")


def full_run(number: int = 1, **facts: Any) -> Run:
    """A run with something in every section."""
    return made_run(
        number,
        **{
            "name": "baseline",
            "project": "digits",
            "group": "sweep-1",
            "note": "smaller rate\nas Bob proposed",
            "tags": {"owner": "vision", "intent": "tune"},
            "params": {"lr": 0.01, "epochs": 20, "optimiser": "adam", "amp": True},
            "metrics": {
                "val/acc": metric(0.9, "max"),
                "loss": metric(math.nan, "min"),
                "seconds_per_epoch": metric(4.25, None, source="sidecar"),
            },
            "code": CodeState(
                root="/home/ann/digits",
                commit="c" * 40,
                branch="main",
                remote="https://example.org/digits.git",
                dirty=True,
                tree="d" * 64,
                files=12,
                changed=("train.py",),
                untracked=("notes.txt", "data/split.py"),
                left_out=(".env",),
            ),
            "environment": Environment(
                python="3.11.7",
                executable="/home/ann/venv/bin/python",
                implementation="CPython",
                virtualenv="/home/ann/venv",
                packages={"numpy": "2.4.6", "torch": "2.9.0"},
                lock_files=("uv.lock",),
                variables={"OMP_NUM_THREADS": "4"},
            ),
            "machine": Machine(
                os="Linux 6.18",
                cpu="AMD EPYC 9654",
                cores=96,
                memory=256 << 30,
                gpus=(GPU,),
                cuda="12.8",
                scheduler={"SLURM_JOB_ID": "77"},
            ),
            "usage": Usage(
                cpu_seconds=190.5,
                max_rss=3 << 30,
                max_gpu_memory=20 << 30,
                gpu_utilisation=87.5,
                energy_joules=42_000.0,
            ),
            "inputs": (
                Input(name="train", path="data/train", digest="1" * 64, size=123_456_789, files=60_000),
                Input(name="labels", path="labels.csv", digest=None, size=0, files=0),
            ),
            "artifacts": (
                Artifact(kind="model", path="out/model.npz", digest="2" * 64, size=52_428),
                Artifact(kind="report", path="out/plots", digest="3" * 64, size=9_000_000, files=14, is_tree=True),
            ),
            "warnings": ("the GPU's energy was not measured for 3 s",),
            "missing": ("output tokenizer",),
            "models": ("digits-prod",),
            "pinned": True,
            "expired": ("3" * 64,),
            **facts,
        },
    )


def tree_of(store: Store, files: Mapping[str, bytes]) -> str:
    """Store files and the tree that names them; returns its digest."""
    stored = [StoredFile(path=p, digest=store.objects.add_bytes(d), size=len(d)) for p, d in files.items()]
    return store.objects.add_bytes(encode_tree(stored))


def promotion(sequence: int, run: str | None, previous: str | None = None, **more: Any) -> Promotion:
    facts = {"model": "digits-prod", "at": "2026-11-22T21:58:00.000Z", "author": "ann", "reason": None}
    return Promotion(sequence=sequence, run=run, previous=previous, **{**facts, **more})


GATES = (
    Gate(gate="status", passed=True, value="finished", wanted="finished"),
    Gate(gate="val/acc >= 0.95", passed=False, value=0.9, wanted=">= 0.95", hint="val/acc ended at 0.9"),
    Gate(gate="loss < 1", passed=False, value=math.nan, wanted="< 1", hint="loss ended at nan"),
)


def piped(width: int = 100, **more: Any) -> Screen:
    """A screen on text in memory, as a pipe, at a fixed time."""
    return Screen(io.StringIO(), width=width, now=NOW, **more)


def terminal(width: int = 100, **more: Any) -> Screen:
    return piped(width, is_terminal=True, **more)


def text_of(screen: Screen) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()
