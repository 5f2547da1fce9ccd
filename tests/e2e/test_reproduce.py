"""`reproduce` from the outside: real trainings, real environments built offline from wheels, real signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import venv
from pathlib import Path

import pytest

from drive import is_alive, wait_for
from tool import BIN, EXPTRACK, Tool
from wheels import make_wheel, unpack

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
TRAIN = """
import sys
data = open("data/train.txt").read()
print(f"val/acc: {sum(map(ord, data)) % 1000 / 1000}")
open("out.txt", "w").write(data.upper())
"""
HERE = ("--same-environment", "-q")


@pytest.fixture(autouse=True)
def scratch(tool: Tool, tmp_path: Path) -> Path:
    """Where temporary folders go; nothing may be left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    tool.env["TMPDIR"] = str(folder)
    return folder


@pytest.fixture
def trained(tool: Tool) -> str:
    """A run with an input git ignores and an output; its id."""
    tool.write("train.py", TRAIN)
    tool.write(".gitignore", "data/\nout.txt\n")
    tool.write("data/train.txt", "abc")
    tool.committed()
    return run(tool, "-i", "train=data/train.txt", "-o", "report=out.txt", "--", "python", "train.py")


def run(tool: Tool, *words: str) -> str:
    tool("run", "-q", *words)
    return str(tool.json("show", "@")["id"])


def reproduce(tool: Tool, *words: str, code: int = 0) -> dict:
    return tool.json("reproduce", *words, *HERE, code=code)


def events(tool: Tool) -> list[str]:
    return sorted(p.name for p in (tool.folder / ".exptrack" / "store" / "events").glob("*.json"))


def test_the_example_gives_the_same_bytes_again(tool: Tool, scratch: Path) -> None:
    shutil.copytree(EXAMPLE, tool.folder, ignore=shutil.ignore_patterns("outputs", ".exptrack"), dirs_exist_ok=True)
    tool.write(".gitignore", "outputs/\n")
    tool.committed()
    kinds = ("model=outputs/model.npz", "preprocessor=outputs/preprocessor.json", "split=outputs/split.json")
    words = [w for kind in (*kinds, "seed=outputs/seed.json") for w in ("-o", kind)]
    tags = ("-t", "owner=vision", "-t", "intent=baseline", "-n", "baseline")
    with (tool.folder / "data.py").open("a") as f:
        f.write("# not committed\n")
    first = run(tool, *tags, *words, "--", "python", "train.py", "--config", "config.toml", "--epochs", "3")
    before = {p: p.read_bytes() for p in tool.folder.rglob("*") if p.is_file() and ".exptrack" not in p.parts}

    done = reproduce(tool, first)
    assert (done["verdict"], done["run"], done["differences"]) == ("reproduced", first, [])
    assert done["environment"] == {"same": True, "how": "recorded", "differences": []}
    assert done["compared"]["outputs"] == 4
    assert done["compared"]["equal"] == 4 + done["compared"]["metrics"]

    original, again = tool.json("show", first), tool.json("show", done["again"])
    assert {a["kind"]: a["digest"] for a in again["artifacts"]} == {
        a["kind"]: a["digest"] for a in original["artifacts"]
    }
    assert [(r["verdict"], r["run"]) for r in original["reproductions"]] == [("reproduced", again["id"])]
    assert (again["reproduces"]["run"], again["parent"], again["tags"]["reproduces"]) == (first, first, first)
    assert (again["tags"]["owner"], again["name"], again["status"]) == ("vision", "baseline-again", "finished")
    assert again["params"] == original["params"]
    # The snapshot of the fresh folder, its commit and its dirt are those of the original.
    for key in ("tree", "commit", "branch", "dirty", "changed"):
        assert again["code"][key] == original["code"][key]
    assert original["reproducible"]["met"] == original["reproducible"]["of"] == 6

    assert {p: p.read_bytes() for p in tool.folder.rglob("*") if p.is_file() and ".exptrack" not in p.parts} == before
    assert list(scratch.iterdir()) == []
    assert tool.json("show", "best:val/acc")["id"] == first
    assert tool.json("verify")["passed"]
    page = tool("show", first).stdout
    assert f"reproduced  by {again['id']}" in page
    assert "yes, 6 of 6" in page


def offline(tmp_path: Path) -> dict[str, str]:
    """Settings with which uv and pip have the wheels of the test and nothing else."""
    wheels = str(tmp_path / "wheels")
    mine = {"UV_OFFLINE": "1", "UV_FIND_LINKS": wheels, "UV_CACHE_DIR": str(tmp_path / "uv-cache")}
    return {**mine, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}


@pytest.fixture
def packaged(tool: Tool, tmp_path: Path) -> Path:
    """A run in an environment of its own with the package `tiny` 1.0; the folder of wheels that can be had."""
    wheels = tmp_path / "wheels"
    environment = tmp_path / "env"
    venv.create(environment, with_pip=False, symlinks=True)
    unpack(make_wheel(wheels, "tiny", "1.0"), environment)
    tool.write("train.py", 'import tiny\nprint(f"val/acc: {tiny.VERSION}")\nopen("out.txt", "w").write(tiny.VERSION)\n')
    tool.write(".gitignore", "out.txt\n")
    tool.committed()
    tool.env |= {**offline(tmp_path), "PATH": f"{environment}/bin:{tool.env['PATH']}"}
    run(tool, "-o", "report=out.txt", "--", f"{environment}/bin/python", "train.py")
    return wheels


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.slow)])
def test_the_environment_is_built_again_and_what_cannot_be_had_is_said(
    tool: Tool, packaged: Path, installer: str, scratch: Path
) -> None:
    if installer == "uv" and not os.access(BIN / "uv", os.X_OK) and not shutil.which("uv"):
        pytest.skip("uv is not installed beside this Python: a development dependency")
    run_id = tool.json("show", "@")["id"]
    done = tool.json("reproduce", run_id, "--installer", installer, "-q")
    assert (done["verdict"], done["problems"]) == ("reproduced", [])
    assert done["environment"] == {"same": True, "how": installer, "differences": []}
    used = tool.json("show", done["again"])["environment"]
    assert used["executable"].startswith(str(scratch))
    assert used["packages"]["tiny"] == "1.0"

    (packaged / "tiny-1.0-py3-none-any.whl").unlink()
    make_wheel(packaged, "tiny", "2.0")
    done = tool.json("reproduce", run_id, "--installer", installer, "-q", code=1)
    assert done["verdict"] == "differs"
    assert done["environment"]["differences"] == [{"name": "tiny", "before": "1.0", "after": "2.0"}]
    assert done["problems"][0].startswith("tiny 1.0 cannot be had: ")
    assert [(d["what"], d["before"], d["after"]) for d in done["differences"] if d["what"] == "metric"] == [
        ("metric", 1.0, 2.0)
    ]
    page = tool("show", run_id).stdout
    assert "in a different environment" in page
    assert list(scratch.iterdir()) == []


def test_a_package_changed_since_is_named(tool: Tool, packaged: Path, tmp_path: Path) -> None:
    assert tool.json("show", "@")["reproducible"]["met"] == 6
    for old in (tmp_path / "env").glob("lib/python3*/site-packages/tiny-*.dist-info"):
        shutil.rmtree(old)
    unpack(make_wheel(packaged, "tiny", "2.0"), tmp_path / "env")
    run_id = tool.json("show", "@")["id"]
    done = reproduce(tool, run_id, code=1)
    assert (done["verdict"], done["again"]) == ("not reproducible", None)
    assert "tiny 1.0 → 2.0" in done["problems"][0]
    assert "environment: it has changed: tiny 1.0 → 2.0" in tool("show", run_id).stdout
    asked = tool.json("reproduce", run_id, "--dry-run")
    assert (asked["possible"], asked["met"]) == (True, 5)


def test_inputs_are_the_same_bytes_or_it_is_not_reproducible(tool: Tool, trained: str, tmp_path: Path) -> None:
    assert reproduce(tool, trained)["verdict"] == "reproduced"
    tool.write("data/train.txt", "abd")
    done = reproduce(tool, trained, code=1)
    assert done["verdict"] == "not reproducible"
    assert "input train" in done["problems"][0]
    assert "has changed" in done["problems"][0]
    (tool.folder / "data" / "train.txt").unlink()
    asked = tool.json("reproduce", trained, "--dry-run", code=1)
    assert [(c["check"], c["needed"]) for c in asked["checks"] if not c["met"]] == [("inputs", True)]
    assert "is not there" in tool("show", trained).stdout
    # Another run read the same bytes elsewhere: that is where they are.
    other = tmp_path / "elsewhere.txt"
    other.write_text("abc")
    run(tool, "-i", f"x={other}", "--", "true")
    assert reproduce(tool, trained)["verdict"] == "reproduced"
    # And then they are only left as an output of a run.
    other.unlink()
    run(tool, "-o", "split=made.txt", "--", "sh", "-c", "printf abc > made.txt")
    (tool.folder / "made.txt").unlink()
    done = reproduce(tool, trained)
    assert (done["verdict"], done["reproducible"]["checks"][3]["text"]) == (
        "reproduced",
        "train (an output in the store)",
    )


def test_what_varies_differs_or_is_within_a_tolerance(tool: Tool) -> None:
    # A number that is another one each time, by the id of the process.
    text = 'import os\nx = 1 + os.getpid() % 1000 / 1e6\nprint(f"loss: {x}")\nopen("m.txt", "w").write(str(x))\n'
    tool.write("train.py", text)
    tool.committed()
    first = run(tool, "-o", "model=m.txt", "--", "python", "train.py")
    done = reproduce(tool, first, code=1)
    assert done["verdict"] == "differs"
    assert [(d["what"], d["name"], d["within"]) for d in done["differences"]] == [
        ("output", "model m.txt", None),
        ("metric", "loss", None),
    ]
    done = reproduce(tool, first, "--tolerance", "lo*=0.5%")
    assert (done["verdict"], done["differences"][1]["within"]) == ("reproduced within tolerance", "tolerance 0.5%")
    tool.write("exptrack.toml", "[reproduce]\ntolerance = { loss = 0.01 }\n")
    assert reproduce(tool, first)["differences"][1]["within"] == "tolerance 0.01"
    assert reproduce(tool, first, "--exact", code=1)["verdict"] == "differs"
    assert "reproduced within tolerance" in tool("show", first).stdout


def test_seeds_of_the_same_configuration_say_how_far_apart_results_are(tool: Tool) -> None:
    text = "import sys, os\nseed = int(sys.argv[2]) + 0.25\nx = seed + (0.5 if os.path.exists(sys.argv[3]) else 0)\n"
    tool.write("train.py", text + 'print(f"loss: {x}")\n')
    tool.write(".gitignore", "flag\n")
    tool.committed()
    flag = tool.folder / "flag"
    for seed in ("1", "2", "3"):
        run(tool, "--", "python", "train.py", "--seed", seed, str(flag.parent.parent / "flag"))
    first = tool.run_ids()[0]
    (flag.parent.parent / "flag").touch()
    done = reproduce(tool, first)
    assert done["verdict"] == "reproduced within tolerance"
    assert done["differences"][0]["within"] == "spread of 3 replicates, 1.25 to 3.25"
    assert "used as it is now" in done["problems"][0]


def test_outputs_outside_the_code_are_not_overwritten(tool: Tool, tmp_path: Path) -> None:
    outside = tmp_path / "models" / "m.txt"
    outside.parent.mkdir()
    tool.write("train.py", 'import sys\nopen(sys.argv[1] + "/m.txt", "w").write("weights")\n')
    tool.committed()
    first = run(tool, "-o", f"model={outside}", "--", "python", "train.py", str(outside.parent))
    outside.write_text("of today")
    done = reproduce(tool, first)
    assert (done["verdict"], done["compared"]["outputs"]) == ("reproduced", 1)
    assert outside.read_text() == "of today"
    hidden = tool.write("hidden.py", f'open({str(outside)!r}, "w").write("weights")\n')
    second = run(tool, "-o", f"model={outside}", "--", "python", hidden.name)
    outside.write_text("of today")
    assert "would be overwritten" in reproduce(tool, second, code=1)["problems"][0]
    assert outside.read_text() == "of today"


def test_what_the_run_had_not_written_is_not_wanted_again(tool: Tool) -> None:
    """It failed before it wrote its model; the one that lay there, of the run before, is none of its results."""
    tool.write(".gitignore", "m.bin\n")
    tool.write("m.bin", "of the run before")
    tool.write("train.py", 'print("epoch 1 loss=0.5")\nraise SystemExit(3)\n')
    tool.committed()
    tool("run", "-o", "model=m.bin", "--", "python", "train.py", code=3)
    done = reproduce(tool, tool.run_ids()[-1])
    assert (done["verdict"], done["compared"]["outputs"], done["compared"]["metrics"]) == ("reproduced", 0, 1)
    assert any("not compared" in note and "model m.bin" in note for note in done["problems"])
    tool.write("silent.py", "raise SystemExit(3)\n")
    tool("run", "-o", "model=m.bin", "--", "python", "silent.py", code=3)
    ready = tool.json("reproduce", tool.run_ids()[-1], "--dry-run", code=1)
    assert "wrote none of the outputs" in str(ready)


def test_what_the_snapshot_holds_is_no_proof_that_it_was_written(tool: Tool) -> None:
    """An output that git does not ignore is restored with the code: a program that fails to write it is found out."""
    tool.write("train.py", 'import os\nif not os.path.exists("../../environment"): open("m.txt", "w").write("w")\n')
    tool.write("m.txt", "w")
    tool.write(
        "once.py",
        'import os, sys\nif not os.path.exists(sys.argv[1]): open("m.txt", "w").write("w")\nopen(sys.argv[1], "w")\n',
    )
    tool.committed()
    mark = tool.folder.parent / "mark"
    first = run(tool, "-o", "model=m.txt", "--", "python", "once.py", str(mark))
    done = reproduce(tool, first, code=1)
    assert done["verdict"] == "differs"
    assert "was not written again" in done["differences"][0]["note"]


def test_a_command_without_python_needs_no_environment(tool: Tool) -> None:
    tool.write("weights", "1 2 3")
    tool.committed()
    first = run(tool, "-o", "model=m", "--", "cp", "weights", "m")
    done = tool.json("reproduce", first, "-q")
    assert (done["verdict"], done["environment"]["same"]) == ("reproduced", True)


def test_what_stands_in_the_way_is_said(tool: Tool) -> None:
    tool.write("train.py", 'print("loss: 0.25")\n')
    secret = "--api-key=" + "s3cr3tV4lue" * 3
    first = run(tool, "--", "python", "train.py", secret)
    assert "secret" in reproduce(tool, first, code=1)["problems"][0]
    nothing = run(tool, "--", "true")
    assert "nothing to compare" in reproduce(tool, nothing, code=1)["problems"][0]
    tool("run", "-q", "--", "sh", "-c", "echo loss: 0.25; kill -TERM $$", code=143)
    assert "killed by SIGTERM" in reproduce(tool, "@", code=1)["problems"][0]
    tool("reproduce", "nobody", code=3)
    events_before = events(tool)
    tool("reproduce", first, "--tolerance", "loss", code=2)
    tool("reproduce", first, "--installer", "conda", code=2)
    tool("reproduce", first, "--dry-run", code=1)
    assert events(tool) == events_before


def test_the_folder_stays_where_it_was_asked_to(tool: Tool, trained: str, scratch: Path) -> None:
    done = reproduce(tool, trained, "-o", "again")
    assert done["folder"] == str(tool.folder / "again")
    assert (tool.folder / "again" / "code" / "work" / "out.txt").read_text() == "ABC"
    assert tool.json("show", done["again"])["code"]["tree"] == tool.json("show", trained)["code"]["tree"]
    tool("reproduce", trained, *HERE, "-o", "again", code=2)
    kept = Path(reproduce(tool, trained, "--keep")["folder"])
    assert kept.parent == scratch
    assert (kept / "code" / "work" / "train.py").exists()


def test_the_variables_that_decide_are_those_of_then(tool: Tool) -> None:
    names = ("PYTHONHASHSEED", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "OTHER")
    text = f"import os\nopen('v.txt', 'w').write(repr([os.environ.get(n) for n in {names!r}]))\nprint('loss: 0.25')\n"
    tool.write("train.py", text)
    tool.committed()
    tool.env |= {"PYTHONHASHSEED": "7", "CUDA_VISIBLE_DEVICES": "0", "OTHER": "x"}
    first = run(tool, "-o", "report=v.txt", "--", "python", "train.py")
    tool.env |= {"PYTHONHASHSEED": "8", "OMP_NUM_THREADS": "1"}
    assert reproduce(tool, first)["verdict"] == "reproduced"
    tool.env |= {"CUDA_VISIBLE_DEVICES": "1"}
    assert reproduce(tool, first)["verdict"] == "reproduced within tolerance"


@pytest.mark.parametrize(
    ("number", "is_group"), [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False)]
)
def test_stopped_on_the_way_nothing_is_left_and_nothing_is_said(
    tool: Tool, scratch: Path, tmp_path: Path, number: int, is_group: bool
) -> None:
    mark = tmp_path / "mark"
    text = "import os, sys, time\nprint('loss: 0.25', flush=True)\nif os.path.exists(sys.argv[1]):\n"
    text += "    open(sys.argv[1] + '.pid', 'w').write(str(os.getpid()))\n    time.sleep(60)\n"
    tool.write("train.py", text)
    tool.committed()
    first = run(tool, "--", "python", "train.py", str(mark))
    manifest = tool.folder / ".exptrack" / "store" / "runs" / f"{first}.json"
    sealed = manifest.read_bytes()
    mark.touch()
    process = subprocess.Popen(
        [EXPTRACK, "reproduce", first, *HERE],
        cwd=tool.folder,
        env=tool.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pid_file = tmp_path / "mark.pid"
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    (os.killpg if is_group else os.kill)(process.pid, number)
    assert process.wait(30) == 128 + number
    assert not is_alive(int(pid_file.read_text()))
    assert list(scratch.iterdir()) == []
    assert events(tool) == []
    assert manifest.read_bytes() == sealed
    again = tool.json("ls", "tag.reproduces=" + first)
    assert [(r["status"], r["signal"]) for r in again] == [("killed", signal.Signals(number).name)]


def test_stopped_while_packages_are_fetched(tool: Tool, packaged: Path, scratch: Path, tmp_path: Path) -> None:
    """With a uv that takes for ever."""
    mark = tmp_path / "mark"
    slow = tmp_path / "slow" / "uv"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\n[ $1 = python ] && exit 1\necho $$ > {mark}\nexec sleep 60\n")
    slow.chmod(0o755)
    process = subprocess.Popen(
        [EXPTRACK, "reproduce", "@", "-q"],
        cwd=tool.folder,
        env={**tool.env, "PATH": f"{slow.parent}:{tool.env['PATH']}"},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: mark.exists() and mark.read_text())
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    assert not is_alive(int(mark.read_text()))
    assert list(scratch.iterdir()) == []
    assert events(tool) == []


def test_the_environment_inside_the_code_is_inside_it_again(tool: Tool, tmp_path: Path) -> None:
    """The usual .venv in the project, named by relative paths and by activating it."""
    venv.create(tool.folder / ".venv", with_pip=False, symlinks=True)
    unpack(make_wheel(tmp_path / "wheels", "tiny", "1.0"), tool.folder / ".venv")
    tool.write(
        "train.py", 'import sys, tiny\nprint(f"val/acc: {tiny.VERSION}")\nopen("o", "w").write(sys.prefix[-5:])\n'
    )
    tool.write(".gitignore", ".venv/\no\n")
    tool.committed()
    tool.env |= offline(tmp_path)
    for command in ([".venv/bin/python", "train.py"], ["sh", "-c", ". .venv/bin/activate && python train.py"]):
        first = run(tool, "-o", "report=o", "--", *command)
        done = tool.json("reproduce", first, "-q")
        assert (done["verdict"], done["environment"]["same"], done["problems"]) == ("reproduced", True, [])
        used = tool.json("show", done["again"])
        assert used["environment"]["executable"].endswith("/code/work/.venv/bin/python")
        assert used["code"]["tree"] == tool.json("show", first)["code"]["tree"]
        same = reproduce(tool, first)
        assert (same["verdict"], same["problems"]) == ("reproduced", [])
        assert tool.json("show", same["again"])["code"]["tree"] == used["code"]["tree"]


def test_our_own_modules_are_not_taken_from_the_code(tool: Tool) -> None:
    """The folder of a training has a data.py, and sometimes a types.py."""
    for name in ("json", "types", "exptrack", "signal"):
        tool.write(f"{name}.py", "raise SystemExit('not ours')\n")
    tool.write("train.sh", "echo loss: 0.25\n")
    tool.committed()
    first = run(tool, "--", "sh", "train.sh")
    assert reproduce(tool, first)["verdict"] == "reproduced"


def test_credentials_that_an_installer_prints_stay_outside(tool: Tool, packaged: Path, tmp_path: Path) -> None:
    password = "hunter2" + "correcthorse"
    loud = tmp_path / "loud" / "uv"
    loud.parent.mkdir()
    loud.write_text(f"#!/bin/sh\necho error: no https://ann:{password}@example.org/simple >&2\nexit 1\n")
    loud.chmod(0o755)
    tool.env["PATH"] = f"{loud.parent}:{tool.env['PATH']}"
    done = tool("reproduce", "@", "-q", code=1)
    assert "uv cannot make an environment" in done.stdout
    assert password not in done.stdout + done.stderr
    store = tool.folder / ".exptrack" / "store"
    assert [p for p in store.rglob("*") if p.is_file() and password.encode() in p.read_bytes()] == []


def test_json_is_all_there_is_on_stdout(tool: Tool, trained: str) -> None:
    done = tool("reproduce", trained, "--same-environment", "--json")
    assert json.loads(done.stdout)["verdict"] == "reproduced"
    assert "val/acc" in done.stderr


def test_what_was_kept_without_its_secret_is_said(tool: Tool) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    tool.write("train.py", f'TOKEN = "{token}"\nprint("loss: 0.25")\n')
    tool.write(".env", "KEY=1\n")
    tool.committed()
    done = reproduce(tool, run(tool, "--", "python", "train.py"))
    assert done["verdict"] == "reproduced"
    assert "train.py:1 is without what was masked there" in done["problems"]
    assert "without .env, never kept, without the secrets at train.py:1" in done["reproducible"]["checks"][0]["text"]
    assert ".env was never kept and is not there" in done["problems"]
