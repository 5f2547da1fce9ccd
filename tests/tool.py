"""The real command in a folder of its own: nothing of the caller's environment, home or runs is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
EXPTRACK = str(BIN / "exptrack")


class Tool:
    """`tool("ls", "--json")` runs `exptrack ls --json` in `tool.folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder.parent),
            "LANG": "C.UTF-8",
            # A file that may be written: git as root would replace /dev/null itself by a rename.
            "GIT_CONFIG_GLOBAL": str(folder.parent / "gitconfig"),
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.invalid",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.invalid",
            **{k: v for k, v in os.environ.items() if k.startswith("COVERAGE_")},
        }

    def __call__(self, *words: str, code: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run and check the exit code (None: any)."""
        env = self.env | more.pop("env", {})
        more.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(
            [EXPTRACK, *words], cwd=more.pop("cwd", self.folder), env=env, capture_output=True, text=True, **more
        )
        assert code is None or done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=self.env, capture_output=True, text=True, check=True
        )
        return done.stdout

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def committed(self) -> Tool:
        """Everything in the folder, as a repository's first commit."""
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "first", "--allow-empty")
        return self

    def run_ids(self) -> list[str]:
        return sorted(p.stem for p in (self.folder / ".exptrack" / "store" / "runs").glob("*.json"))
