"""`python tests/record_frameworks.py PYTHON [NAME...]`: records tests/recorded/ anew with the frameworks PYTHON has.

Each training runs twice under `exptrack run` with no option, into pipes and on a terminal of 120 columns, in a folder
of its own. Then what was recorded is compared with what the framework itself says. Exit code 1: something differs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import screen
from framework_cases import CASES, RECORDED, differences, in_file, in_print, recorded
from tool import EXPTRACK

# Imports of some frameworks take longer than anything else a test waits for.
screen.PATIENCE = 300.0
# Programs that keep no history: one expression a metric reads it from the output.
READ = {
    "sklearn_sgd": {
        "Norm": r"Norm: ([\d.]+)",
        "Bias": r"Bias: ([-\d.]+)",
        "Objective": r"Objective: ([\d.]+)",
        "Avg. loss": r"Avg. loss: ([\d.]+)",
    }
}


def main() -> int:
    python, wanted = sys.argv[1], sys.argv[2:] or list(CASES)
    bad = 0
    for name in wanted:
        with tempfile.TemporaryDirectory() as place:
            bad += record(name, python, Path(place))
    return 1 if bad else 0


def record(name: str, python: str, place: Path) -> int:
    """Both runs of one framework; the number of differences."""
    home = RECORDED / name
    env = {
        **{key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ},
        "HOME": str(place),
        "TERM": "xterm-256color",
        "OMP_NUM_THREADS": "1",
    }
    command = [EXPTRACK, "run", "--quiet", "--", python, "train.py"]
    for mode in ("terminal", "pipe"):
        folder = place / mode
        folder.mkdir()
        shutil.copy(home / "train.py", folder)
        mine = env | {"HISTORY": str(place / "history.json")}
        if mode == "pipe":
            done = subprocess.run(command, cwd=folder, env=mine, capture_output=True, check=True)
            outputs = {"pipe.stdout": done.stdout, "pipe.stderr": done.stderr}
        else:
            inside = ["sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command]
            with screen.Screen(inside, env=mine, rows=40, columns=120) as shown:
                outputs = {"terminal": shown.rest().replace(b"\r\n", b"\n")}
                assert shown.code == 0, outputs
        for file, data in outputs.items():
            (home / file).write_bytes(_neutral(data, python, folder))
    _keep(name, place / "history.json", place / "pipe")
    return _report(name, place)


def _neutral(data: bytes, python: str, folder: Path) -> bytes:
    """Without the paths of the machine it was recorded on."""
    for path, word in ((Path(python).parent.parent, b"/venv"), (folder, b"/work")):
        data = data.replace(str(path).encode(), word)
    return data


def _keep(name: str, history: Path, folder: Path) -> None:
    home = RECORDED / name
    told = json.loads(history.read_text()) if history.exists() else _read(name, (home / "pipe.stdout").read_text())
    (home / "history.json").write_text(json.dumps(told) + "\n")
    shutil.rmtree(home / "files", ignore_errors=True)
    for found in sorted(folder.glob(CASES[name].own_file)) if CASES[name].own_file else ():
        kept = home / "files" / found.relative_to(folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, kept)


def _read(name: str, text: str) -> dict[str, list[list[float]]]:
    out = {}
    for metric, expression in READ[name].items():
        values = [float(value) for value in re.findall(expression, text)]
        out[metric] = [[*range(1, len(values) + 1)], values]
    return out


def _report(name: str, place: Path) -> int:
    count = 0
    for mode, stream in (("pipe", "stdout"), ("terminal", "terminal")):
        found = recorded(place / mode)
        printed = differences(in_print(name, is_pipe=mode == "pipe"), found.get(stream, {}), is_rounded=True)
        own = differences(in_file(name), found.get("file", {}), is_rounded=False)
        others = sorted(found.keys() - {stream, "file"})
        print(f"{name} {mode}: {len(found.get(stream, {}))} printed, {len(found.get('file', {}))} in files")
        for difference in [*printed, *(f"file: {text}" for text in own), *(f"from {text}" for text in others)]:
            print("   ", difference)
            count += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
