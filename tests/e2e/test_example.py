"""The example: a training that is real and repeatable, and the exptrack command of its README, as it stands there."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
FILES = ["model.npz", "preprocessor.json", "report.json", "seed.json", "split.json"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example as a repository of its own, everything committed."""
    copy = tmp_path / "digits"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("outputs", ".exptrack", "__pycache__"))
    author = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *author, *words], cwd=copy, check=True)
    return copy


def call(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """`python` and `exptrack` are those of the tests; nothing of the caller's own runs or home folder is seen."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("EXPTRACK_")}
    env.update(HOME=str(folder.parent), PATH=f"{Path(sys.executable).parent}:{env['PATH']}")
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def trained(folder: Path, *flags: str, out: str = "outputs") -> dict[str, bytes]:
    done = call(folder, "python", "train.py", "--out", out, *flags)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in (folder / out).iterdir()}


def readme_command() -> list[str]:
    """The `exptrack run` of the README, continuation lines joined."""
    block = (EXAMPLE / "README.md").read_text().replace("\\\n", " ")
    return shlex.split(next(line for line in block.splitlines() if line.strip().startswith("exptrack run")))


def test_one_seed_gives_the_same_bytes_and_another_seed_other_weights(folder: Path) -> None:
    first = trained(folder, "--epochs", "2", out="a")
    assert sorted(first) == FILES
    assert trained(folder, "--epochs", "2", out="b") == first
    other = trained(folder, "--epochs", "2", "--seed", "1", out="c")
    assert other["model.npz"] != first["model.npz"]
    assert other["split.json"] == first["split.json"]


def test_what_is_saved_is_enough_to_predict_as_the_training_did(folder: Path) -> None:
    import numpy as np
    from sklearn.datasets import load_digits

    trained(folder, "--epochs", "3")
    out = folder / "outputs"
    split, scaler, report = (json.loads((out / f"{n}.json").read_text()) for n in ("split", "preprocessor", "report"))
    digits = load_digits()
    images = (digits.data[split["test"]] - scaler["mean"]) / scaler["scale"]
    with np.load(out / "model.npz", allow_pickle=False) as weights:
        hidden = np.maximum(images @ weights["hidden.weights"] + weights["hidden.bias"], 0)
        predicted = (hidden @ weights["output.weights"] + weights["output.bias"]).argmax(axis=1)
    assert (predicted == digits.target[split["test"]]).mean() == pytest.approx(report["test/acc"])
    assert np.trace(report["confusion"]) == (predicted == digits.target[split["test"]]).sum()


def test_the_parts_of_the_split_share_no_image_and_leave_none_out(folder: Path) -> None:
    split = json.loads(trained(folder, "--epochs", "1")["split.json"])
    rows = split["train"] + split["val"] + split["test"]
    assert sorted(rows) == list(range(1797))


def test_flags_win_over_the_config_file_and_an_unknown_setting_is_refused(folder: Path) -> None:
    (folder / "small.toml").write_text("epochs = 2\nseed = 5\naugment = true\n")
    done = call(folder, "python", "train.py", "--seed", "6", "--config", "small.toml")
    assert "epoch 2/2 train/loss=" in done.stdout
    assert json.loads((folder / "outputs" / "seed.json").read_text())["seed"] == 6
    (folder / "small.toml").write_text("epoch = 2\nlearning = 1\n")
    assert call(folder, "python", "train.py", "--config", "small.toml").returncode == 2


def test_the_command_of_the_readme_records_everything_the_policy_wants(folder: Path) -> None:
    done = call(folder, *readme_command())
    assert done.returncode == 0, done.stderr
    run = json.loads(call(folder, "exptrack", "show", "@", "--json").stdout)
    assert (run["name"], run["status"], run["project"]) == ("baseline", "finished", "digits")
    assert run["tags"]["owner"] == "vision"
    assert run["params"]["lr"] == 0.003
    assert run["metrics"]["val/acc"]["best"] >= 0.95
    assert run["metrics"]["val/acc"]["count"] == run["metrics"]["val/acc"]["last_step"] == 19
    assert {"train/loss", "val/loss", "val/acc", "test/loss", "test/acc"} <= set(run["metrics"])
    assert sorted(a["kind"] for a in run["artifacts"]) == ["model", "preprocessor", "report", "seed", "split"]


def test_the_model_is_promoted_found_by_its_content_and_got_back(folder: Path) -> None:
    assert call(folder, *readme_command()).returncode == 0
    promoted = call(folder, "exptrack", "promote", "baseline", "digits-prod")
    assert promoted.returncode == 0, promoted.stderr
    weights = (folder / "outputs" / "model.npz").read_bytes()
    current = json.loads(call(folder, "exptrack", "show", "digits-prod@", "--json").stdout)
    assert (current["name"], current["models"]) == ("baseline", ["digits-prod"])
    which = json.loads(call(folder, "exptrack", "which", "outputs/model.npz", "--json").stdout)
    assert [found["run"] for found in which["runs"]] == [current["id"]]
    shutil.rmtree(folder / "outputs")
    assert call(folder, "exptrack", "get", "baseline", "model", "-o", "back").returncode == 0
    assert [p.read_bytes() for p in (folder / "back").rglob("model.npz")] == [weights]


def test_its_card_loads_and_keeps_what_was_written_by_hand(folder: Path) -> None:
    assert call(folder, *readme_command()).returncode == 0
    assert call(folder, "exptrack", "promote", "baseline", "digits-prod").returncode == 0
    made = call(folder, "exptrack", "card", "digits-prod", "-o", "hub/")
    assert made.returncode == 0, made.stderr
    path = folder / "hub" / "README.md"
    card = ModelCard.load(path)
    values = {r.metric_name: r.metric_value for r in card.data.eval_results}
    assert values["val/acc"] >= 0.95
    assert (card.data.model_name, card.data.metrics) == ("digits-prod", ["accuracy"])
    path.write_text(path.read_text() + "\n## Thanks\n\nTo those who wrote the digits.\n")
    call(folder, "exptrack", "note", "baseline", "the first one")
    assert "written" in call(folder, "exptrack", "card", "digits-prod", "-o", "hub").stdout
    text = ModelCard.load(path).text
    assert text.endswith("## Thanks\n\nTo those who wrote the digits.\n")
    assert "> the first one" in text


def test_without_an_intent_nothing_is_started(folder: Path) -> None:
    command = readme_command()
    at = command.index("intent=baseline")
    done = call(folder, *command[: at - 1], *command[at + 1 :])
    assert done.returncode == 125
    assert "intent" in done.stderr
    assert not (folder / "outputs").exists()


def test_a_run_without_the_mandatory_metric_is_incomplete_and_refused(folder: Path) -> None:
    done = call(folder, *readme_command(), "--quiet", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(call(folder, "exptrack", "show", "@", "--json").stdout)["status"] == "incomplete"
    refused = call(folder, "exptrack", "promote", "@", "digits-prod")
    assert refused.returncode == 4
    assert "val/acc" in refused.stderr + refused.stdout
