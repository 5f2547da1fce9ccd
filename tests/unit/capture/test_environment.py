"""The environment of the child's interpreter, found as the child finds it, asked in a real process."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from exptrack.capture import probe
from exptrack.capture.environment import capture_environment, find_lock_files


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """A real virtual environment with two packages in it, none of them ours."""
    folder = tmp_path_factory.mktemp("world") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "Scikit_Learn-1.5.0.dist-info").mkdir()
    origin = site / "my_model-0.1.dist-info"
    origin.mkdir()
    url = '{"url": "https://user:canary@git.example/m.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'
    (origin / "direct_url.json").write_text(url)
    for name, text in {
        "by-path": f"#!{folder}/bin/python -u\n",
        "by-env": "#!/usr/bin/env python3\n",
        "by-env-s": "#!/usr/bin/env -S python3 -u\n",
        "by-pip": f"#!/bin/sh\n'''exec' \"{folder}/bin/python\" \"$0\" \"$@\"\n' '''\nimport sys\n",
        "by-uv": "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n",
        "by-shell": "#!/bin/bash\nset -e\nexec python train.py\n",
    }.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


def age(folder):
    """Made long ago: what changed in the last two seconds is not trusted."""
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)


def capture(tmp_path, *argv, path="/usr/bin:/bin", cwd=None, **env):
    env = {"PATH": path, "HOME": str(tmp_path), **env}
    return capture_environment(argv, env, str(cwd or tmp_path), str(tmp_path / "cache"))


def fake_python(path, answer="echo", prefix="/nowhere", site="/nowhere/site-packages"):
    """A program that answers as a Python would, and counts how often it was asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = f"exptrack-probe\\0003.9.1\\000{path}\\000{prefix}\\000{prefix}\\000cpython\\000{site}"
    answers = {"echo": f"printf '{words}'", "hang": "sleep 1000 & echo $! > pid; wait", "fail": "echo oops >&2; exit 3"}
    path.write_text(f"#!/bin/sh\necho >> {path}.asked\n{answers[answer]}\n")
    path.chmod(0o755)
    return path


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def times_asked(path):
    return path.with_name(path.name + ".asked").read_text().count("\n")


@pytest.mark.parametrize(
    "argv",
    [
        ["python", "train.py"],
        ["python3", "-m", "pkg"],
        ["VENV/bin/python", "train.py"],
        ["by-path"],
        ["by-env"],
        ["by-env-s", "--lr", "1"],
        ["by-pip"],
        ["by-uv"],
        ["by-shell"],
        ["VENV/bin/by-uv"],
        ["env", "A=b", "nice", "-n", "1", "python", "train.py"],
        ["bash", "-c", "cd . && LR=1 python train.py | tee log"],
        ["sh", "-c", "exec by-path --lr 1"],
        ["bash", "run.sh"],
        ["./run.sh"],
    ],
    ids=" ".join,
)
def test_the_interpreter_of_a_command(tmp_path, venv, argv):
    (tmp_path / "run.sh").write_text("#!/usr/bin/env bash\n# python2 old.py\necho start\npython train.py\n")
    (tmp_path / "run.sh").chmod(0o755)
    argv = [word.replace("VENV", str(venv)) for word in argv]
    found, warnings = capture(tmp_path, *argv, path=f"{venv}/bin:/usr/bin:/bin")
    assert warnings == []
    assert found.python == sys.version.split()[0]
    assert os.path.dirname(found.executable) == f"{venv}/bin"
    assert found.virtualenv == str(venv)
    assert found.packages == {"scikit-learn": "1.5.0", "my-model": "0.1"}
    assert found.sources == {"my-model": "git+https://git.example/m.git@abc"}


@pytest.mark.parametrize("text", [". 'VENV/bin/activate'; python x.py", "source 'VENV/bin/activate' && train-it x"])
def test_an_activation_in_a_shell_text_counts(tmp_path, venv, text):
    (venv / "bin" / "train-it").write_text("#!/usr/bin/env python\n")
    (venv / "bin" / "train-it").chmod(0o755)
    found, warnings = capture(tmp_path, "bash", "-c", text.replace("VENV", str(venv)))
    assert (found.virtualenv, warnings) == (str(venv), [])


@pytest.mark.parametrize("argv", [["/bin/true"], ["ls", "-l"], ["no-such-command"], ["./gone.py"], [""], []])
def test_a_command_without_python_has_none(tmp_path, argv):
    found, warnings = capture(tmp_path, *argv)
    assert (found.python, found.executable, found.packages, warnings) == (None, None, {}, [])


def test_a_shell_text_that_names_no_python_says_which_one_is_recorded(tmp_path, venv):
    found, (warning,) = capture(tmp_path, "bash", "-c", "make train", path=f"{venv}/bin:/usr/bin:/bin")
    assert found.virtualenv == str(venv)
    assert "names no Python" in warning
    assert f"{venv}/bin/python3" in warning


def test_uv_run_means_the_project_s_environment(tmp_path, venv):
    (tmp_path / "sub").mkdir()
    fake_python(tmp_path / "bin" / "uv")
    command = ("uv", "run", "train.py")
    found, (warning,) = capture(tmp_path, *command, path=f"{tmp_path}/bin:{venv}/bin")
    assert found.python is None
    assert "not there yet" in warning
    (tmp_path / ".venv").symlink_to(venv)
    found, warnings = capture(tmp_path, *command, cwd=tmp_path / "sub")
    assert (found.executable, warnings) == (str(tmp_path / ".venv/bin/python"), [])


def test_a_runner_is_asked_where_looking_tells_nothing(tmp_path):
    poetry = fake_python(tmp_path / "bin" / "poetry")
    found, warnings = capture(tmp_path, "poetry", "run", "python", "x.py", path=f"{tmp_path}/bin:/bin")
    assert (found.python, warnings, times_asked(poetry)) == ("3.9.1", [], 1)


def test_conda_environments_by_name_and_prefix(tmp_path):
    root = tmp_path / "conda"
    prefix = root / "envs" / "torch"
    (prefix / "conda-meta").mkdir(parents=True)
    fake_python(prefix / "bin" / "python", prefix=prefix)
    conda = fake_python(root / "bin" / "conda")
    for command in (["run", "-n", "torch"], ["run", "-p", str(prefix), "--no-capture-output"]):
        found, warnings = capture(tmp_path, "conda", *command, "python", "x.py", CONDA_EXE=str(conda))
        assert (found.conda, found.virtualenv, warnings) == ("torch", None, [])
    text = "eval x; conda activate torch && python x.py"
    assert capture(tmp_path, "bash", "-c", text, CONDA_EXE=str(conda))[0].conda == "torch"


def test_an_unchanged_interpreter_is_asked_once(tmp_path):
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "a-1.dist-info").mkdir()
    age(site)
    python = fake_python(tmp_path / "bin" / "python", site=site)
    for _ in range(3):
        found, _ = capture(tmp_path, str(python), "x.py")
    assert (found.packages, times_asked(python)) == ({"a": "1"}, 1)
    (site / "b-2.dist-info").mkdir()
    os.utime(site, (1_700_000_001, 1_700_000_001))
    found, _ = capture(tmp_path, str(python), "x.py")
    assert (found.packages, times_asked(python)) == ({"a": "1", "b": "2"}, 2)
    capture(tmp_path, str(python), "x.py", PYTHONPATH="/other")
    assert times_asked(python) == 3


@pytest.mark.parametrize("damage", ["", "{}", '{"key": 1, "answer": [], "folders": {"x": 1}}', "[1]"])
def test_a_damaged_cache_is_made_anew(tmp_path, damage):
    python = fake_python(tmp_path / "bin" / "python")
    before = capture(tmp_path, str(python), "x.py")
    (cache,) = (tmp_path / "cache").iterdir()
    cache.write_text(damage)
    assert capture(tmp_path, str(python), "x.py") == before


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    python = fake_python(tmp_path / "bin" / "python")
    assert capture(tmp_path, str(python))[0].python == "3.9.1"


def test_an_interpreter_that_fails_is_a_warning(tmp_path):
    python = fake_python(tmp_path / "bin" / "python", "fail")
    found, (warning,) = capture(tmp_path, str(python), "x.py")
    assert found.python is None
    assert "exit code 3" in warning
    assert "oops" in warning


def test_an_interpreter_that_hangs_is_ended_with_all_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "TIMEOUT", 0.5)
    python = fake_python(tmp_path / "bin" / "python", "hang")
    found, (warning,) = capture(tmp_path, str(python), "x.py")
    assert found.python is None
    assert "within 0.5 seconds" in warning
    pid, last = int((tmp_path / "pid").read_text()), time.monotonic() + 30
    while is_running(pid) and time.monotonic() < last:  # SIGKILL has been sent; the kernel may be busy elsewhere
        time.sleep(0.01)
    assert not is_running(pid)


def test_nothing_of_the_user_s_is_run_to_ask(tmp_path, venv):
    for name in ("sys", "json", "os", "site", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    capture(tmp_path, "python", "x.py", path=f"{venv}/bin")
    assert not (tmp_path / "ran").exists()


def test_a_chatty_sitecustomize_does_not_spoil_the_answer(tmp_path, venv):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "sitecustomize.py").write_text("print('hello', flush=True)\n")
    (tmp_path / "lib" / "extra-3.dist-info").mkdir()
    found, warnings = capture(tmp_path, "python", path=f"{venv}/bin", PYTHONPATH="lib", PYTHONINSPECT="1")
    assert warnings == []
    assert found.packages["extra"] == "3"


def test_lock_files_up_to_the_git_root(tmp_path):
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    (root / "a" / "b").mkdir(parents=True)
    for name in ("uv.lock", "a/requirements-dev.txt", "a/b/environment.yml", "a/b/notes.txt", "../poetry.lock"):
        (root / name).touch()
    assert find_lock_files(str(root / "a" / "b")) == ("a/b/environment.yml", "a/requirements-dev.txt", "uv.lock")


def test_lock_files_outside_a_repository(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "uv.lock").touch()
    (tmp_path / "a" / "requirements.txt").touch()
    assert find_lock_files(str(tmp_path / "a")) == ("requirements.txt",)


def test_variables_are_those_of_the_list(tmp_path):
    found, _ = capture(tmp_path, "/bin/true", CUDA_VISIBLE_DEVICES="0", HF_TOKEN="canary", OTHER="x")
    assert found.variables == {"CUDA_VISIBLE_DEVICES": "0"}
