"""What a run is: frozen, slotted, keyword-only dataclasses without I/O.

A RunManifest is written once, when a run is sealed, and never changed; what people say later (tags, notes, pins)
are Events and Promotions beside it. Times are UTC ISO 8601 strings, sizes bytes, durations seconds, digests sha256 hex.
Every top-level record carries `extra`: fields a newer exptrack wrote survive being read and written by this one.
"""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.attempt import Attempt, Resumed
from exptrack.belongings import Artifact as Artifact
from exptrack.belongings import Declared as Declared
from exptrack.belongings import Input as Input
from exptrack.belongings import StoredFile as StoredFile
from exptrack.frozen import field, frozen
from exptrack.reproduction import Reproduction as Reproduction
from exptrack.typed import Any, NamedTuple

Scalar = str | int | float | bool | None

STATUSES = ("running", "finished", "incomplete", "failed", "killed", "lost")


class Point(NamedTuple):
    """One value of one metric. A NamedTuple, not a dataclass: a chatty training makes a million of them."""

    name: str
    value: float
    step: int | float | None = None
    epoch: float | None = None
    at: float | None = None


@frozen
class CodeState:
    """The code as it was. `tree` names the tree object that restores it; the git facts are provenance only. `masked`:
    where secrets were replaced in the kept copy, as train.py:12."""

    root: str = ""
    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    dirty: bool | None = None
    tree: str | None = None
    files: int = 0
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()


@frozen
class Environment:
    """The child's world: its interpreter and packages (not ours), allow-listed variables, lock files it lay beside."""

    python: str | None = None
    executable: str | None = None
    implementation: str | None = None
    virtualenv: str | None = None
    conda: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    lock_files: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@frozen
class Gpu:
    """One GPU, or one MIG instance, that the child could see. `memory` in bytes."""

    index: int
    name: str
    uuid: str
    memory: int | None = None
    driver: str | None = None
    mig: str | None = None
    capability: str | None = None


@frozen
class Machine:
    os: str = ""
    cpu: str = ""
    cores: int = 0
    memory: int = 0
    gpus: tuple[Gpu, ...] = ()
    cuda: str | None = None
    scheduler: Mapping[str, str] = field(default_factory=dict)


@frozen
class Usage:
    """What the child and its descendants used. Memory in bytes, utilisation in percent, None where nobody measured."""

    cpu_seconds: float | None = None
    max_rss: int | None = None
    max_gpu_memory: int | None = None
    gpu_utilisation: float | None = None
    energy_joules: float | None = None


@frozen
class Start:
    """Everything known before the child starts; start.json. From its fsync on the run exists."""

    id: str
    command: tuple[str, ...]
    cwd: str
    started_at: str
    host: str
    author: str
    name: str | None = None
    project: str | None = None
    group: str | None = None
    note: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Scalar] = field(default_factory=dict)
    given_params: tuple[str, ...] = ()
    inputs: tuple[Declared, ...] = ()
    outputs: tuple[Declared, ...] = ()
    goals: Mapping[str, str] = field(default_factory=dict)
    required_metrics: tuple[str, ...] = ()
    required_outputs: tuple[str, ...] = ()
    required_tags: tuple[str, ...] = ()
    is_written_required: bool = False
    parent: str | None = None
    resumes: Resumed | None = None
    scheduler: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@frozen
class End:
    """How the child ended; end.json. `signal` is the name, as SIGTERM. Both None: nobody saw the end. `orders` to stop
    that came before: {"signal", "reach", "at"} (record/orders.py)."""

    ended_at: str
    exit_code: int | None = None
    signal: str | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    max_rss: int | None = None
    warnings: tuple[str, ...] = ()
    orders: tuple[Mapping[str, Any], ...] = ()


@frozen
class MetricSummary:
    """A series in eight numbers. `best` follows the goal in force when the run was sealed; None without a goal.

    `unit`: `%` where the program printed per cents; the numbers are as printed."""

    first: float
    last: float
    min: float
    max: float
    count: int
    best: float | None = None
    best_step: float | None = None
    last_step: float | None = None
    goal: str | None = None
    source: str | None = None
    unit: str | None = None


@frozen
class RunManifest:
    """One sealed run; runs/<id>.json, or runs/<id>.N.json after its attempt N. Immutable: later words are Events.

    `asked`: how `run` was told to record (declared outputs, `-p`, config files, how metrics are read, what must be),
    so that the same can be asked again; empty in manifests of before it was kept. `stopped_by`: who told it to stop, as
    one sentence (record/stopping.py); a program may have ended by itself all the same. `attempts`: all of them, empty
    when there was one. `policy_bypassed`: the reason of `--no-policy`."""

    id: str
    status: str
    command: tuple[str, ...]
    cwd: str
    started_at: str
    ended_at: str | None
    seconds: float | None
    exit_code: int | None
    signal: str | None
    host: str
    author: str
    name: str | None = None
    project: str | None = None
    group: str | None = None
    note: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Scalar] = field(default_factory=dict)
    metrics: Mapping[str, MetricSummary] = field(default_factory=dict)
    code: CodeState = field(default_factory=CodeState)
    environment: Environment = field(default_factory=Environment)
    machine: Machine = field(default_factory=Machine)
    usage: Usage = field(default_factory=Usage)
    inputs: tuple[Input, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    missing: tuple[str, ...] = ()
    points: str | None = None
    logs: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    attempts: tuple[Attempt, ...] = ()
    version: str = ""
    warnings: tuple[str, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    stopped_by: str | None = None
    policy_bypassed: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[Artifact, ...]:
        """The outputs of every attempt: also what a later one wrote anew under the same path."""
        return tuple(dict.fromkeys([*self.artifacts, *(a for t in self.attempts for a in t.artifacts)]))


@frozen
class Event:
    """One later word about a run; events/<id>.json. `action`: tag, untag, note, pin, unpin, expire, unexpire, promote,
    demote, told, approve, unapprove, reproduced, reproduction."""

    id: str
    run: str
    action: str
    at: str
    author: str
    data: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@frozen
class Gate:
    """One gate of a promotion with its verdict: what was found, what was wanted."""

    gate: str
    passed: bool
    value: Scalar
    wanted: Scalar
    hint: str = ""


@frozen
class Promotion:
    """One line of a model's history; promotions/<model>/<sequence>.json. `run` None: the model was demoted.

    `previous_digest`: sha256 of the file of the line before, `manifest`: of the run's; None where nobody noted it.
    `evidence`: event -> sha256 of its file, for approvals and reproductions the gates rest on. `hooks`: the commands
    that were to be told of it."""

    model: str
    sequence: int
    run: str | None
    previous: str | None
    at: str
    author: str
    reason: str | None = None
    gates: tuple[Gate, ...] = ()
    previous_digest: str | None = None
    manifest: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    hooks: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@frozen
class Run:
    """A run as people see it: the manifest with every later word applied. `models`: those it is the current run of;
    `expired`: digests whose bytes retention let go, the last of them at `expired_at`; `reproductions`: every verdict on
    it, oldest first; `reproduces`: the verdict on the run that this one repeated."""

    manifest: RunManifest
    status: str
    tags: Mapping[str, str]
    note: str | None
    pinned: bool = False
    models: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    expired_at: str | None = None
    reproductions: tuple[Reproduction, ...] = ()
    reproduces: Reproduction | None = None

    @property
    def id(self) -> str:
        return self.manifest.id
