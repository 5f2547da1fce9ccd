"""Finding the program: as execvp does, with an exit code and a hint where a shell has only an exit code."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from exptrack.errors import NotStarted
from exptrack.record.program import explain_exec_error, find_program


def make(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def refusal(command: list[str], env: dict[str, str], cwd: Path) -> NotStarted:
    with pytest.raises(NotStarted) as caught:
        find_program(command, env, str(cwd))
    return caught.value


def test_the_first_executable_on_path_wins(tmp_path: Path) -> None:
    make(tmp_path / "a" / "train", 0o644)
    (tmp_path / "b" / "train").mkdir(parents=True)
    wanted = make(tmp_path / "c" / "train")
    make(tmp_path / "d" / "train")
    path = ":".join(str(tmp_path / name) for name in "abcd")
    assert find_program(["train"], {"PATH": path}, "/") == str(wanted)


def test_a_relative_or_empty_entry_of_path_is_seen_from_the_current_folder(tmp_path: Path) -> None:
    make(tmp_path / "bin" / "train")
    make(tmp_path / "here")
    assert find_program(["train"], {"PATH": "bin"}, str(tmp_path)) == "bin/train"
    assert find_program(["here"], {"PATH": "/nowhere:"}, str(tmp_path)) == "./here"


def test_without_path_the_systems_default_is_searched() -> None:
    assert find_program(["sh"], {}, "/") in ("/bin/sh", "/usr/bin/sh")


def test_a_name_with_a_slash_is_taken_as_it_is(tmp_path: Path) -> None:
    make(tmp_path / "train")
    assert find_program(["./train"], {"PATH": ""}, str(tmp_path)) == "./train"


@pytest.mark.parametrize(
    ("command", "code", "hint"),
    [
        ("nothing-of-that-name", 127, "environment"),
        ("python train.py", 127, "one by one"),
        ("train.py", 127, "python train.py"),
        ("data", 127, "./data"),
        ("./nothing", 127, "path"),
        ("", 127, "path"),
        ("./train.py", 126, "chmod +x ./train.py, or write `python ./train.py`"),
        ("./folder", 126, "__main__"),
        ("plain", 126, "chmod"),
    ],
)
def test_refusals_say_what_to_do(tmp_path: Path, command: str, code: int, hint: str) -> None:
    for name in ("train.py", "data", "bin/plain", "folder/__main__.py"):
        make(tmp_path / name, 0o644)
    refused = refusal([command], {"PATH": str(tmp_path / "bin")}, tmp_path)
    assert refused.exit_code == code
    assert hint in refused.hint


def test_python_where_only_python3_is(tmp_path: Path) -> None:
    make(tmp_path / "bin" / "python3")
    assert "python3" in refusal(["python"], {"PATH": str(tmp_path / "bin")}, tmp_path).hint


def test_what_the_kernel_says_last(tmp_path: Path) -> None:
    script = make(tmp_path / "train")
    assert explain_exec_error(str(script), errno.ENOENT).exit_code == 126
    assert explain_exec_error(str(tmp_path / "gone"), errno.ENOENT).exit_code == 127
    assert "too long" in explain_exec_error(str(script), errno.E2BIG).message
    assert "Permission denied" in explain_exec_error(str(script), errno.EACCES).message
