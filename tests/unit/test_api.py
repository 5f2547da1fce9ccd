"""`import exptrack` in a training script: lines arrive whole, nothing is done outside a run, nothing is ever raised."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dying import kill_after, race

EVERY_CALL = """
import exptrack
exptrack.log(step=3, loss=0.3)
exptrack.log({"val/acc": 0.9, "loss": 1}, step=4, extra=2)
exptrack.log({"step": 5, "loss": float("nan")})
exptrack.params(lr=0.1, model={"depth": 4})
exptrack.params({"a.b": None}, c=[1, 2])
exptrack.tags(dataset="v2")
exptrack.tags({"a": "b"})
exptrack.artifact("model", "model.pt")
"""


def script(tmp_path, code, target="metrics.jsonl", *, inside=True):
    """Run a script -> (lines in the target, the process)."""
    env = {k: v for k, v in os.environ.items() if k != "EXPTRACK_METRICS"}
    if inside:
        env["EXPTRACK_METRICS"] = str(tmp_path / target)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path, env=env
    )
    path = tmp_path / target
    text = path.read_text() if os.path.isfile(path) else ""
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()], done


def test_every_call_is_one_line(tmp_path):
    lines, done = script(tmp_path, EVERY_CALL)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert str(lines) == str(
        [
            {"step": 3, "loss": 0.3},
            {"step": 4, "val/acc": 0.9, "loss": 1, "extra": 2},
            {"step": 5, "loss": float("nan")},
            {"params": {"lr": 0.1, "model": {"depth": 4}}},
            {"params": {"a.b": None, "c": [1, 2]}},
            {"tags": {"dataset": "v2"}},
            {"tags": {"a": "b"}},
            {"artifact": {"kind": "model", "path": str(tmp_path / "model.pt")}},
        ]
    )


def test_what_refers_to_itself_does_not_end_a_program_that_may_recurse_deeply(tmp_path):
    code = "import sys, exptrack\nsys.setrecursionlimit(10**7)\nd = {}\nd['d'] = d\n"
    code += "exptrack.log(d)\nexptrack.params(d=d)\nexptrack.log(loss=1)"
    lines, done = script(tmp_path, code)
    assert (done.returncode, lines) == (0, [{"loss": 1}])
    assert done.stderr.startswith("exptrack: not recorded: ")


def test_the_ways_a_step_and_an_artifact_are_written(tmp_path):
    calls = ["'m.pt'", "'m.pt', kind='model'", "'model', path='m.pt'", "path='m.pt', kind='model'", "path='m.pt'"]
    code = "import exptrack\nexptrack.log({'loss': 0.5}, 7)\n" + "".join(f"exptrack.artifact({c})\n" for c in calls)
    lines, done = script(tmp_path, code)
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == {"step": 7, "loss": 0.5}
    assert [line["artifact"]["kind"] for line in lines[1:]] == ["output", "model", "model", "model", "output"]
    assert {line["artifact"]["path"] for line in lines[1:]} == {str(tmp_path / "m.pt")}


@pytest.mark.parametrize("call", ["", "'model', 'a', 'b'", "'model', 'a', path='b'", "kind='model'"])
def test_an_artifact_without_one_path_is_a_warning(tmp_path, call):
    lines, done = script(tmp_path, f"import exptrack\nexptrack.artifact({call})")
    assert (lines, done.returncode) == ([], 0)
    assert "not recorded: ValueError: artifact() takes a kind and a path" in done.stderr


def test_outside_a_run_nothing_happens(tmp_path):
    code = EVERY_CALL + "exptrack.log(5); exptrack.artifact('m', object()); exptrack.params(x=object())"
    _, done = script(tmp_path, code, inside=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_the_environment_is_asked_at_every_call(tmp_path):
    """A notebook that is told its run later."""
    code = (
        "import os, exptrack\npath = os.environ.pop('EXPTRACK_METRICS')\nexptrack.log(a=1)\n"
        "os.environ['EXPTRACK_METRICS'] = path\nexptrack.log(a=2)\n"
        "os.environ['EXPTRACK_METRICS'] = path + '.other'\nexptrack.log(a=3)\n"
    )
    lines, _ = script(tmp_path, code)
    assert lines == [{"a": 2}]
    assert (tmp_path / "metrics.jsonl.other").read_text() == '{"a": 3}\n'


NUMPY = """
import exptrack, numpy as np
exptrack.log(step=np.int64(3), loss=np.float32(0.5), best=np.float64("inf"), ok=np.bool_(True), cell=np.array(2.5))
exptrack.log(loss=0.5, grid=np.arange(3), wide=np.longdouble(1.5), when=np.datetime64("2026-01-01"))
"""


def test_numpy_scalars_are_numbers_and_an_array_does_not_cost_the_line(tmp_path):
    pytest.importorskip("numpy")
    lines, done = script(tmp_path, NUMPY)
    assert done.stderr == ""
    assert lines[0] == {"step": 3, "loss": 0.5, "best": float("inf"), "ok": True, "cell": 2.5}
    assert lines[1] == {"loss": 0.5, "grid": "[0 1 2]", "wide": "1.5", "when": "2026-01-01"}


TORCH = """
import exptrack
class Tensor:
    def __init__(self, *values): self.values = values
    def item(self):
        if len(self.values) > 1:
            raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")
        return self.values[0]
    def __str__(self): return f"tensor({self.values})"
exptrack.log(step=Tensor(3), loss=Tensor(0.5))
exptrack.log(loss=0.25, logits=Tensor(1, 2))
"""


def test_tensors_are_taken_without_importing_torch(tmp_path):
    lines, done = script(tmp_path, TORCH)
    assert done.stderr == ""
    assert lines == [{"step": 3, "loss": 0.5}, {"loss": 0.25, "logits": "tensor((1, 2))"}]


HOSTILE = """
import exptrack
class Bad:
    def item(self): raise SystemError("no")
    def __str__(self): raise RuntimeError("no")
loop = {}
loop["loop"] = loop
for _ in range(3):
    for call in (
        lambda: exptrack.log(5), lambda: exptrack.log(x=Bad()), lambda: exptrack.log(loop),
        lambda: exptrack.log({(1,): 2}),
        lambda: exptrack.params([1]), lambda: exptrack.tags(None, a=Bad()), lambda: exptrack.artifact("m", object()),
        lambda: exptrack.artifact("m", Bad()), lambda: exptrack.log({"deep": eval("[" * 90 + "]" * 90)}),
    ):
        assert call() is None
deep = []
for _ in range(100_000):
    deep = [deep]
exptrack.log(deep=deep)
exptrack.log(loss=1)
"""


def test_nothing_a_program_hands_over_is_raised_back_and_it_is_said_once(tmp_path):
    lines, done = script(tmp_path, HOSTILE)
    assert done.returncode == 0, done.stderr
    assert lines[-1] == {"loss": 1}
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("exptrack: not recorded: ")
    assert done.stdout == ""


@pytest.mark.parametrize("target", ["no/such/folder", ".", "/dev/full", "long" * 100])
def test_a_target_that_takes_nothing_is_said_once(tmp_path, target):
    code = "import exptrack\nfor i in range(100): exptrack.log(step=i)\nprint('trained')"
    _, done = script(tmp_path, code, target)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_is_said_once_and_what_fitted_is_whole(tmp_path):
    code = (
        "import resource, exptrack\nresource.setrlimit(resource.RLIMIT_FSIZE, (70, 70))\n"
        "for i in range(100): exptrack.log(step=i)\nprint('trained')"
    )
    env = {**os.environ, "EXPTRACK_METRICS": str(tmp_path / "m")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert len(done.stderr.splitlines()) == 1
    whole, _, torn = (tmp_path / "m").read_bytes().rpartition(b"\n")
    assert [json.loads(line) for line in whole.splitlines()] == [{"step": i} for i in range(len(whole.splitlines()))]
    assert whole.count(b"\n") >= 4
    assert not torn.endswith(b"}")


@pytest.mark.parametrize("stderr", ["sys.stderr.close()", "sys.stderr = None", "os.close(2)"])
def test_without_stderr_nothing_is_said_and_nothing_raised(tmp_path, stderr):
    code = f"import os, sys, exptrack\n{stderr}\nexptrack.log(x=1)\nprint('trained')\nsys.stdout.flush()\nos._exit(0)"
    _, done = script(tmp_path, code, "no/such/folder")
    assert (done.returncode, done.stdout) == (0, "trained\n")


CLOSED = """
import os, exptrack
exptrack.log(step=1)
os.closerange(3, 100)
mine = [open(f"checkpoint-{i}", "wb", buffering=0) for i in range(5)]
exptrack.log(step=2)
for f in mine:
    f.write(b"weights")
exptrack.log(step=3)
"""


def test_a_descriptor_the_program_took_for_its_own_is_left_alone(tmp_path):
    """A daemon closes everything and opens its own files: our lines must not end up in its checkpoint."""
    lines, done = script(tmp_path, CLOSED)
    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in tmp_path.glob("checkpoint-*")} == {
        f"checkpoint-{i}": b"weights" for i in range(5)
    }
    assert lines == [{"step": 1}, {"step": 2}, {"step": 3}]


def test_an_artifact_in_a_folder_that_is_gone_is_no_crash(tmp_path):
    code = "import os, exptrack\nos.mkdir('x'); os.chdir('x'); os.rmdir('../x')\nexptrack.artifact('model', 'm.pt')"
    lines, done = script(tmp_path, code + "\nexptrack.log(step=1)")
    assert done.returncode == 0, done.stderr
    assert lines == [{"step": 1}]


FORKS = """
import os, exptrack, threading
exptrack.log(first=1)
pids = []
for who in range(6):
    pid = os.fork()
    if not pid:
        def say():
            for i in range(100):
                exptrack.log(step=i, who=who, filler="x" * 5000)
        threads = [threading.Thread(target=say) for _ in range(2)]
        for t in threads: t.start()
        for t in threads: t.join()
        os._exit(0)
    pids.append(pid)
assert [os.waitpid(p, 0)[1] for p in pids] == [0] * 6
"""


def test_forks_and_threads_append_at_once_and_every_line_is_whole(tmp_path):
    lines, done = script(tmp_path, FORKS)
    assert done.returncode == 0, done.stderr
    for who in range(6):
        steps = sorted(line["step"] for line in lines if line.get("who") == who)
        assert steps == sorted([*range(100)] * 2)
    assert len(lines) == 1 + 6 * 200


def test_processes_that_open_the_file_at_the_same_moment(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPTRACK_METRICS", str(tmp_path / "m"))
    code = "for i in range(200): exptrack.log(step=i, who=int(sys.argv[3]))"
    assert race("import exptrack", code, 8) == [(0, "")] * 8
    said = [json.loads(line) for line in (tmp_path / "m").read_text().splitlines()]
    for who in range(8):
        assert [s["step"] for s in said if s["who"] == who] == [*range(200)]


def test_a_killed_program_leaves_every_line_it_was_done_with(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPTRACK_METRICS", str(tmp_path / "m"))
    code = "import exptrack, itertools\nfor i in itertools.count():\n    exptrack.log(step=i)\n    print(i, flush=True)"
    said = kill_after(code, 50)
    whole = (tmp_path / "m").read_bytes().rpartition(b"\n")[0]
    steps = [json.loads(line)["step"] for line in whole.splitlines()]
    assert steps == [*range(len(steps))]
    assert len(steps) >= len(said)
