"""A store that somebody else wrote: nothing in it reaches the terminal raw, leaves the folder it is written to, makes a
command wait for ever or fills the memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exptrack.model import Artifact, CodeState, Environment, Gate, Gpu, Input, Machine, Promotion, StoredFile
from exptrack.store.place import Store, open_store
from exptrack.store.trees import encode_tree
from made_runs import metric
from screen import Screen
from sealed_runs import add_run, promote, run_id, say
from tool import EXPTRACK, Tool

# Sets a title, clears the screen, moves the cursor, reverses text, in C0, C1 and as a bidirectional mark.
EVIL = "x\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e\u2066<script>alert(1)</script>"
RAW = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\r\x00")
SECONDS = 30
MEMORY = 2 << 30

READING = [
    ["ls"],
    ["ls", "--columns", "name,tag.a,params.p,group,host,author,note"],
    ["ls", "--group-by", "params.p", "--agg", "mean"],
    ["show", run_id(1)],
    ["diff", run_id(1), run_id(2)],
    ["diff", run_id(1), run_id(2), "--patch"],
    ["why", run_id(1), "net"],
    ["models"],
    ["models", "net"],
    ["lineage", run_id(1)],
    ["lineage", run_id(1), "--dot"],
    ["which", "net"],
    ["best", "loss"],
    ["importance", "loss"],
    ["plot", "loss", run_id(1)],
    ["verify"],
    ["gc"],
    ["policy", "explain"],
    ["tag", run_id(1), "b=c"],
    ["show", EVIL],
    ["models", EVIL],
    ["get", run_id(1), EVIL, "-o", "out"],
    ["promote", run_id(1), "net", "--dry-run"],
    ["doctor"],
]


@pytest.fixture
def store(tool: Tool) -> Store:
    tool("init")
    return open_store(str(tool.folder / ".exptrack" / "store"))


def everywhere(store: Store, number: int) -> None:
    """A run with escape codes in every text a manifest has."""
    objects = store.objects
    code = objects.add_bytes(f"{EVIL} {number}\n".encode())
    tree = objects.add_bytes(
        encode_tree([StoredFile(path=f"{EVIL}.py", digest=code, size=len(f"{EVIL} {number}\n".encode()))])
    )
    points = json.dumps({"name": "loss", "source": EVIL, "values": [1.0, 0.5], "steps": [1, 2], "at": 1.0}) + "\n"
    add_run(
        store,
        number,
        command=("python", EVIL),
        cwd=f"/work/{EVIL}",
        host=EVIL,
        author=EVIL,
        name=f"{EVIL}{number}",
        project=EVIL,
        group=EVIL,
        note=f"{EVIL}\n{EVIL}",
        tags={"a": EVIL, EVIL: "b"},
        params={"p": EVIL, EVIL: number},
        metrics={"loss": metric(0.5, "min", source=EVIL, unit=EVIL), EVIL: metric(1.0)},
        points=objects.add_bytes(points.encode()),
        code=CodeState(
            root=EVIL, commit=EVIL, branch=EVIL, remote=EVIL, tree=tree, files=1, dirty=True,
            changed=(EVIL,), untracked=(EVIL,), left_out=(EVIL,), masked=(f"{EVIL}:1",),
        ),
        environment=Environment(
            python=EVIL, executable=EVIL, implementation=EVIL, virtualenv=EVIL, conda=EVIL, lock_files=(EVIL,),
            packages={EVIL: f"{number}{EVIL}"}, variables={EVIL: f"{EVIL}{number}"},
        ),
        machine=Machine(
            os=EVIL, cpu=EVIL, gpus=(Gpu(index=0, name=EVIL, uuid=EVIL),), cuda=EVIL, scheduler={EVIL: EVIL}
        ),
        inputs=(Input(name=EVIL, path=EVIL, digest=code, size=1, files=1),),
        artifacts=(Artifact(kind=EVIL, path=f"{EVIL}.bin", digest=code, size=1),),
        missing=(EVIL,),
        warnings=(EVIL,),
        parent=EVIL,
        version=EVIL,
        signal=EVIL,
        extra={EVIL: EVIL},
    )  # fmt: skip


@pytest.fixture
def evil(tool: Tool, store: Store) -> Store:
    everywhere(store, 1)
    everywhere(store, 2)
    say(store, 1, 1, "tag", {"late": EVIL, EVIL: "x"})
    say(store, 2, 1, "note", {"note": EVIL})
    say(store, 3, 2, EVIL, {EVIL: EVIL})
    for number, model in ((1, "net"), (1, EVIL)):
        store.records.add_promotion(
            Promotion(
                model=model, sequence=number, run=run_id(1), previous=EVIL, at=EVIL, author=EVIL, reason=EVIL,
                gates=(Gate(gate=EVIL, passed=False, value=EVIL, wanted=EVIL, hint=EVIL),),
            )
        )  # fmt: skip
    tool.write(
        "exptrack.toml", f'[require.end]\nmetrics = ["{json.dumps(EVIL)[1:-1]}"]\n'.replace("\\u009b", "\\u009B")
    )
    return store


def is_clean(text: str, kept: str = "") -> bool:
    return not [raw for raw in RAW if raw in text.replace(kept, "")]


@pytest.mark.parametrize("words", READING, ids=lambda words: " ".join(words).encode("unicode_escape").decode()[:60])
def test_no_escape_code_reaches_a_terminal_or_a_pipe(tool: Tool, evil: Store, words: list[str]) -> None:
    done = tool(*words, code=None)
    assert done.returncode in (0, 1, 3, 4, 6), done.stderr
    assert "bug of exptrack" not in done.stderr
    # A patch in a pipe is data: git has to get the very bytes.
    assert is_clean(done.stdout) or "--patch" in words
    assert is_clean(done.stderr)
    with Screen(
        [EXPTRACK, *words],
        env={**tool.env, "TERM": "dumb", "NO_COLOR": "1", "EXPTRACK_DIR": str(tool.folder / ".exptrack")},
    ) as seen:
        shown = seen.rest().decode("utf-8", "replace")
    assert is_clean(shown), shown
    assert shown.strip()


@pytest.mark.parametrize(
    "words", [w for w in READING if w[0] in ("ls", "show", "diff", "models", "why", "verify", "lineage")]
)
def test_json_has_no_raw_control_character(tool: Tool, evil: Store, words: list[str]) -> None:
    if {"--dot", "--patch", "--agg"} & set(words):
        return
    done = tool(*words, "--json", code=None)
    assert is_clean(done.stdout + done.stderr)


def test_a_metric_name_of_the_program_is_shown_and_not_obeyed(tool: Tool) -> None:
    said = json.dumps({EVIL: 0.5, "step": 1})
    tool.write("train.py", f"import os\nopen(os.environ['EXPTRACK_METRICS'], 'a').write({said!r} + '\\n')\n")
    done = tool("run", "--", "python3", "train.py")
    assert is_clean(done.stderr)
    assert "owned" in done.stderr


# --- files that are not what they should be ----------------------------------------------------------------


# One interpreter for many commands, each in a fork with little memory and time: one that reads it all, or waits, fails.
DRIVER = """
import json, os, resource, signal, sys, traceback
import importlib, pkgutil, exptrack
for module in pkgutil.walk_packages(exptrack.__path__, "exptrack."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
codes = []
for words in json.loads(sys.argv[1]):
    pid = os.fork()
    if not pid:
        signal.alarm(SECONDS)
        try:
            code = exptrack.cli.main.main(words)
        except SystemExit as e:
            code = e.code
        except BaseException:
            traceback.print_exc()
            code = 99
        sys.stdout.flush()
        os._exit(int(code or 0))
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
with open("codes", "w") as f:
    json.dump(codes, f)
"""


def limited(tool: Tool, *commands: list[str]) -> list[int]:
    """Exit codes of commands."""
    text = DRIVER.replace("MEMORY", str(MEMORY)).replace("SECONDS", str(SECONDS))
    words = [sys.executable, "-c", text, json.dumps(commands)]
    done = subprocess.run(
        words, cwd=tool.folder, env=tool.env, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    for wrong in ("bug of exptrack", "MemoryError", "Traceback", "root:x:0"):
        assert wrong not in said, said
    codes: list[int] = json.loads((tool.folder / "codes").read_text())
    return codes


def put(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as f:
            f.truncate(10 << 30)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "outside":
        path.symlink_to("/etc/passwd")
    elif kind == "dangling":
        path.symlink_to("/no/such/place")
    elif kind == "deep":
        path.write_bytes(b'{"format":1,"id":' + b"[" * 10_000 + b"]" * 10_000 + b"}")
    elif kind == "twice":
        path.write_bytes(b'{"format":1,"id":"../../x","id":"/etc/passwd","id":1}')
    else:
        path.write_bytes(os.urandom(4096))


KINDS = ("fifo", "folder", "huge", "device", "outside", "dangling", "deep", "twice", "random")
PLACES = {
    "manifest": f"runs/{run_id(2)}.json",
    "event": "events/01evt00000000099.json",
    "promotion": "promotions/net/2.json",
    "object": "",
    "tree": "",
    "outputs": "",
    "points": "",
    "log": "",
    "artifact": "",
    "format": "format",
    "trash": f"trash/{run_id(9)}/plan.json",
    "index": "../index.db",
    "cache": "../cache/snapshot",
    "live": f"../live/{run_id(8)}/start.json",
    "captured": f"../live/{run_id(8)}/captured.json",
    "hints": "hints",
}


ONE, TWO = run_id(1), run_id(2)
COMMANDS = [
    *(["ls"], ["show", ONE], ["diff", ONE, TWO, "--patch"], ["logs", ONE], ["plot", "loss", ONE], ["verify"]),
    *(["models", "net"], ["lineage", ONE], ["gc", "--apply"], ["recover"], ["get", ONE, "-o", "got"]),
    *(["restore", ONE, "back"], ["reindex"]),
]
RECORDS = ("event", "promotion", "format", "trash", "live", "captured")
CASES = [
    *((kind, place) for place in ("manifest", "object") for kind in KINDS),
    *((kind, place) for place in PLACES if place not in ("manifest", "object") for kind in ("fifo", "huge")),
    *(("deep", place) for place in (*RECORDS, "tree", "outputs", "points")),
]


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_whatever_lies_in_the_place_of_a_file_no_command_hangs_or_reads_it_all(
    tool: Tool, store: Store, kind: str, place: str
) -> None:
    code, points, log = (
        store.objects.add_bytes(b"x = 1\n"),
        store.objects.add_bytes(b""),
        store.objects.add_bytes(b"log\n"),
    )
    tree = store.objects.add_bytes(encode_tree([StoredFile(path="a.py", digest=code, size=6)]))
    model = store.objects.add_bytes(b"weights")
    folder = store.objects.add_bytes(encode_tree([StoredFile(path="m.bin", digest=model, size=7)]))
    kept = {"code": CodeState(tree=tree, files=1), "points": points, "logs": {"stdout": log}}
    for number in (1, 2):
        artifacts = (
            Artifact(kind="model", path="m.bin", digest=model, size=7),
            Artifact(kind="folder", path="out", digest=folder, size=7, files=1, is_tree=True),
        )
        add_run(store, number, artifacts=artifacts, **kept)
    promote(store, "net", 1, 1)
    digests = {"object": code, "tree": tree, "outputs": folder, "points": points, "log": log, "artifact": model}
    path = Path(store.objects.path(digests[place])) if place in digests else Path(store.root, PLACES[place])
    put(path, kind)
    # `verify` reads what is there, however much, and says how far it is, and a log is as long as it is; everything else
    # has to see it coming.
    long = [["verify"], ["logs", ONE]] if kind == "huge" and place in digests else []
    commands = [c for c in COMMANDS if c not in long]
    codes = limited(tool, *commands)
    assert not [c for c in zip(codes, commands, strict=True) if c[0] not in (0, 1, 2, 3, 6)], codes
    for target in ("got", "back"):
        for found in (tool.folder / target).rglob("*"):
            assert found.is_dir() or found.stat().st_size < 1000


def test_a_run_id_with_a_slash_names_no_file(tool: Tool, store: Store) -> None:
    add_run(store, 1)
    (tool.folder / "secret.json").write_text('{"format":1}')
    for words in (
        ["show", "../../../secret"],
        ["show", f"../runs/{run_id(1)}"],
        ["logs", "/etc/passwd"],
        ["tag", "../x", "a=b"],
    ):
        done = tool(*words, code=3)
        assert done.stderr.startswith("error: ")


def test_claims_of_size_are_not_believed(tool: Tool, store: Store) -> None:
    """10 GB in the manifest and in the tree, six bytes in the object."""
    code = store.objects.add_bytes(b"x = 1\n")
    tree = store.objects.add_bytes(encode_tree([StoredFile(path="a.py", digest=code, size=10 << 30)]))
    output = Artifact(kind="model", path="out", digest=tree, size=10 << 30, files=1 << 40, is_tree=True)
    add_run(store, 1, artifacts=(output,), code=CodeState(tree=tree, files=10**12))
    add_run(store, 2)
    commands = [["show", ONE], ["diff", ONE, TWO, "--patch"], ["get", ONE, "-o", "got"], ["verify"], ["gc"]]
    assert set(limited(tool, *commands)) <= {0, 1, 6}
    assert (tool.folder / "got" / "out" / "a.py").read_bytes() == b"x = 1\n"
