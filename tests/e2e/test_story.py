"""The main job from the first command to production, on the real example: what the README promises, checked."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tool import Tool

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
OUTPUTS = ["model=outputs/model.npz", "preprocessor=outputs/preprocessor.json", "split=outputs/split.json"]
OUTPUTS += ["seed=outputs/seed.json", "report=outputs/report.json"]
TAGS = ["-t", "owner=vision", "-t", "intent=baseline"]
TRAIN = ["--", "python", "train.py", "--config", "config.toml", "--epochs", "6"]


def out_options() -> list[str]:
    return [word for output in OUTPUTS for word in ("-o", output)]


@pytest.fixture
def digits(tool: Tool) -> Tool:
    shutil.copytree(
        EXAMPLE, tool.folder, ignore=shutil.ignore_patterns("outputs", ".exptrack", "__pycache__"), dirs_exist_ok=True
    )
    tool.write(".gitignore", "outputs/\n__pycache__/\n")
    return tool.committed()


def test_train_change_compare_restore_and_promote(digits: Tool, tmp_path: Path) -> None:
    first = digits("run", "-n", "baseline", *TAGS, *out_options(), *TRAIN)
    assert "finished" in first.stderr
    assert "val/acc" in first.stdout

    source = (digits.folder / "data.py").read_text() + "\n# a thought, not committed\n"
    digits.write("data.py", source)
    digits("run", "-n", "slower", *TAGS, *out_options(), *TRAIN, "--lr", "0.0003")

    diff = digits.json("diff", "@~1", "@")
    sections = diff["sections"]
    assert [c["key"] for c in sections["params"]] == ["lr"]
    assert [c["key"] for c in sections["code"]] == ["data.py"]
    assert sections["code"][0]["added_lines"] == 2
    assert {c["key"] for c in sections["metrics"]} >= {"val/acc", "val/loss", "train/loss"}
    assert "packages" not in sections
    assert "# a thought" in digits("diff", "@~1", "@", "--patch").stdout

    digits.write("data.py", "ruined = True\n")
    shutil.rmtree(digits.folder / ".git")
    restored = tmp_path / "restored"
    digits("restore", "@", str(restored))
    assert (restored / "data.py").read_text() == source
    assert (restored / "train.py").read_bytes() == (EXAMPLE / "train.py").read_bytes()

    digits("get", "@", "model", "-o", str(tmp_path / "weights"))
    weights = next((tmp_path / "weights").rglob("model.npz"))
    assert weights.read_bytes() == (digits.folder / "outputs" / "model.npz").read_bytes()

    run = digits.json("show", "baseline")
    assert run["status"] == "finished"
    assert run["tags"]["project"] == "digits"
    assert run["params"]["epochs"] == 6
    assert run["environment"]["packages"]["scikit-learn"]
    model = next(a for a in run["artifacts"] if a["kind"] == "model")
    assert digits.json("promote", "baseline", "digits-prod")["run"] == run["id"]
    renamed = tmp_path / "something.bin"
    digits("get", "baseline", "model", "-o", str(tmp_path / "again"))
    shutil.copy(next((tmp_path / "again").rglob("model.npz")), renamed)
    assert hashlib.sha256(renamed.read_bytes()).hexdigest() == model["digest"]
    assert run["id"] in digits("which", str(renamed)).stdout
    assert digits.json("models", "digits-prod")["current"] == run["id"]
    assert digits.json("show", "digits-prod@")["models"] == ["digits-prod"]


def test_without_a_required_tag_nothing_is_started(digits: Tool) -> None:
    refused = digits("run", "-n", "x", "-t", "owner=vision", "--", "touch", "started", code=125)
    assert "intent" in refused.stderr
    assert "hint:" in refused.stderr
    assert not (digits.folder / "started").exists()
    assert digits.run_ids() == []


def test_a_run_without_its_mandatory_metric_is_incomplete_and_not_promoted(digits: Tool) -> None:
    silent = digits("run", "-n", "silent", *TAGS, *TRAIN, "--quiet")
    assert "incomplete" in silent.stderr
    run = digits.json("show", "@")
    assert run["status"] == "incomplete"
    refused = digits("promote", "@", "digits-prod", code=4)
    for gate in ("status", "metric val/acc", "output model", "output split", "val/acc >= 0.95"):
        assert gate in refused.stderr
    strict = digits("run", "--strict", "-n", "silent", *TAGS, *TRAIN, "--quiet", code=4)
    assert "incomplete" in strict.stderr


def test_the_index_may_be_deleted(digits: Tool) -> None:
    for n in range(3):
        digits("run", "-q", "-n", f"r{n}", *TAGS, "--", "python", "-c", f"print('step 1 val/acc={n / 10} loss={n}')")
    digits("tag", "r1", "stage=candidate")
    before = digits("ls", "--json").stdout
    assert len(json.loads(before)) == 3
    (digits.folder / ".exptrack" / "index.db").unlink()
    assert digits("ls", "--json").stdout == before
    digits("reindex")
    assert digits("ls", "--json").stdout == before
