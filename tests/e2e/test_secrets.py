"""Canaries wherever a secret can stand: none is in clear in any byte of .exptrack afterwards."""

from __future__ import annotations

import json
import os
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from made_tokens import named, pem, tokens
from tool import Tool

KINDS = ("github", "hugging face", "anthropic", "aws", "slack", "gitlab", "npm", "databricks", "google", "openai")


class Canaries:
    """A new token for every place: `at("stdout")`; `found` says which of them lie in clear below a folder."""

    def __init__(self) -> None:
        self.by_place: dict[str, str] = {}

    def at(self, place: str) -> str:
        """A known shape, another issuer's each time."""
        number = len(self.by_place)
        return self.by_place.setdefault(place, tokens(100 + number)[KINDS[number % len(KINDS)]])

    def value(self, place: str) -> str:
        """Of no known shape: only its name tells."""
        return self.by_place.setdefault(place, named(100 + len(self.by_place))["api_key"])

    def found(self, folder: Path) -> dict[str, list[str]]:
        out: dict[str, list[str]] = {}
        for path in folder.rglob("*"):
            texts = [os.fsencode(path)]
            if path.is_file():
                texts.append(path.read_bytes())
            for place, canary in self.by_place.items():
                if any(canary.encode() in text for text in texts):
                    out.setdefault(place, []).append(str(path.relative_to(folder)))
        return out


TRAIN = """
import json, os, sys
import exptrack
say = json.load(open(os.environ["SAY"]))
print("token", say["stdout"])
print("loss=0.5 step=1", flush=True)
print("api_key=" + say["stderr"], file=sys.stderr)
print("wrote " + say["stdout again"], end="")
exptrack.log(loss=0.5, step=1)
exptrack.params(api_key=say["sidecar param name"], endpoint="https://u:" + say["sidecar param url"] + "@h/x")
exptrack.params(x=say["sidecar param"])
exptrack.tags(owner=say["sidecar tag"])
exptrack.artifact("model", say["artifact path"] + ".bin")
with open(os.environ["EXPTRACK_METRICS"], "a") as f:
    f.write(json.dumps({"params": {"deep": {"password": say["raw sidecar"]}}}) + "\\n")
    f.write(json.dumps({say["metric name"]: 1.5, "step": 2}) + "\\n")
with open("metrics.jsonl", "w") as f:
    f.write(json.dumps({"step": 1, "val/acc": 0.9, "params": {"hub_token": say["metric file"]}}) + "\\n")
open("model.bin", "w").write("weights")
"""


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


def prepared(tool: Tool, c: Canaries) -> dict[str, str]:
    """A repository with secrets in committed, edited and new files; returns the environment to run in."""
    tool.write("train.py", TRAIN)
    tool.write("committed.py", f'client = connect("{c.at("committed file")}")\n')
    tool.write("edited.py", "x = 1\n")
    tool.write("conf.yaml", f"lr: 0.1\ndb:\n  password: {c.value('config file')}\nhub: {c.at('config file token')}\n")
    tool.write("id_rsa.pem", pem())
    tool.committed()
    tool.git("remote", "add", "origin", f"https://user:{c.value('git remote')}@git.example.invalid/team/repo.git")
    tool.write("edited.py", f"x = 1\nHF_TOKEN = '{c.at('edited file')}'\n")
    tool.write("new.py", f'api_key = "{c.value("new file")}"\n')
    tool.write("key.py", f'KEY = """{pem()}"""\n')
    tool.write(".env", f"SECRET={c.value('.env')}\n")
    tool.write(".netrc", f"machine a login b password {c.value('.netrc')}\n")
    tool.write("home/_netrc.bak", f"machine a.org login b password {c.value('netrc elsewhere')}\n")
    say = {k: c.at(k) for k in ("stdout", "stderr", "stdout again", "sidecar param", "sidecar tag", "metric name")}
    say |= {"artifact path": c.at("artifact path")}
    say |= {k: c.value(k) for k in ("sidecar param name", "sidecar param url", "raw sidecar", "metric file")}
    path = tool.folder.parent / "say.json"
    path.write_text(json.dumps(say))
    return {
        "SAY": str(path),
        "AWS_SECRET_ACCESS_KEY": c.value("environment AWS"),
        "WANDB_API_KEY": c.value("environment wandb"),
        "MY_DB_PASSWORD": c.value("environment password"),
        "CUDA_NOTE": c.at("an allowed variable"),
        "EXPTRACK_TAGS": f"ci={c.at('EXPTRACK_TAGS')}",
    }


def words(c: Canaries) -> list[str]:
    given = ["-n", f"name {c.at('name')}", "-g", f"group {c.at('group')}", "-m", f"note {c.at('-m')}"]
    given += [
        "-t",
        f"t={c.at('-t')}",
        "-p",
        f"api_key={c.value('-p')}",
        "-p",
        f"x={c.at('-p token')}",
        "-c",
        "conf.yaml",
    ]
    given += ["-o", "model=model.bin", "-i", f"data={c.at('input path')}.csv", "--metrics", "metrics.jsonl"]
    command = [sys.executable, "train.py", "--api-key", c.value("argv"), f"--hub-token={c.value('argv =')}"]
    return [*given, "--", *command, "--url", f"https://u:{c.value('argv url')}@h/x", c.at("argv token")]


def test_no_canary_is_in_any_byte_of_the_store(tool: Tool, canaries: Canaries) -> None:
    c = canaries
    env = prepared(tool, c)
    tool("run", *words(c), env=env)
    folder = tool.folder / ".exptrack"
    assert c.found(folder) == {}
    run = tool.json("show", "@")
    assert run["status"] == "finished"
    assert [p.split(":")[0] for p in run["code"]["masked"]] == [
        "committed.py", "conf.yaml", "conf.yaml", "edited.py", "home/_netrc.bak", "key.py", "new.py",
    ]  # fmt: skip
    assert set(run["code"]["left_out"]) == {".env", ".netrc", "id_rsa.pem"}
    log = [w for w in run["warnings"] if "masked in the log" in w]
    assert len(log) == 2
    assert "line 1, 3" in "".join(log)
    tool("tag", "@", f"later={c.at('tag')}")
    tool("note", "@", f"see {c.at('note')}")
    tool("promote", "@", "net", "--reason", f"because {c.at('reason')}")
    tool("reindex")
    for reading in (["ls"], ["show", "@"], ["show", "@", "--json"], ["logs", "@"], ["models", "net"], ["ls", "--csv"]):
        said = tool(*reading)
        assert not [p for p, canary in c.by_place.items() if canary in said.stdout + said.stderr], reading
    assert c.found(folder) == {}
    assert not list((folder / "live").iterdir())


def test_code_comes_back_masked_and_says_where(tool: Tool, canaries: Canaries, tmp_path: Path) -> None:
    env = prepared(tool, canaries)
    tool("run", "-n", "a", "-m", "first", "-o", "model=model.bin", "--", sys.executable, "train.py", env=env)
    said = tool("restore", "@", str(tmp_path / "back")).stdout
    assert "a secret is missing, put it back by hand: edited.py:2" in said
    assert (tmp_path / "back" / "edited.py").read_text() == "x = 1\nHF_TOKEN = '[redacted]'\n"
    assert not (tmp_path / "back" / ".env").exists()
    assert "edited.py:2" in tool("show", "@").stdout
    tool.write("edited.py", f"x = 2\nHF_TOKEN = '{canaries.at('edited again')}'\n")
    tool("run", "-n", "b", "--", sys.executable, "-c", "print(1)")
    patch = tool("diff", "a", "b", "--patch").stdout
    assert "-x = 1\n+x = 2\n HF_TOKEN = '[redacted]'\n" in patch
    assert canaries.found(tool.folder / ".exptrack") == {}


def test_refuse_starts_nothing_and_says_where(tool: Tool, canaries: Canaries) -> None:
    tool.write("exptrack.toml", '[snapshot]\nsecrets = "refuse"\n')
    tool.write("train.py", "open('started', 'w')\n")
    tool.committed()
    tool.write("train.py", f"open('started', 'w')\nkey = '{canaries.at('train.py')}'\n")
    said = tool("run", "--", sys.executable, "train.py", code=125).stderr
    assert said.startswith("error: there are secrets in the code: train.py:2\nhint: ")
    assert not (tool.folder / "started").exists()
    assert tool.run_ids() == []
    assert not list((tool.folder / ".exptrack" / "live").iterdir())
    assert canaries.found(tool.folder / ".exptrack") == {}
    tool.write("train.py", f"open('started', 'w')\nkey = '{canaries.at('train.py')}'  # exptrack: allow-secret\n")
    tool("run", "--", sys.executable, "train.py")
    assert tool.json("show", "@")["code"]["masked"] == []


def test_keep_keeps_and_a_place_may_be_allowed(tool: Tool, canaries: Canaries) -> None:
    tool.write("tests/fixture.py", f"key = '{canaries.at('a fixture')}'\n")
    tool.write("exptrack.toml", '[secrets]\nallow_in = ["tests/**"]\n')
    tool("run", "--", sys.executable, "-c", "print(1)")
    assert list(canaries.found(tool.folder / ".exptrack")) == ["a fixture"]
    tool.write("train.py", f"key = '{canaries.at('train.py')}'\n")
    tool("run", "--", sys.executable, "-c", "print(1)")
    assert tool.json("show", "@")["code"]["masked"] == ["train.py:1"]
    tool.write("exptrack.toml", '[snapshot]\nsecrets = "keep"\n')
    tool("run", "--", sys.executable, "-c", "print(1)")
    assert tool.json("show", "@")["code"]["masked"] == []
    assert sorted(canaries.found(tool.folder / ".exptrack")) == ["a fixture", "train.py"]


def test_a_value_may_be_allowed_by_the_digest_that_doctor_says(tool: Tool, canaries: Canaries) -> None:
    tool.write("train.py", f"a = '{canaries.at('demo')}'\nb = '{canaries.at('real')}'\n")
    tool("run", "--", sys.executable, "-c", "print(1)")
    assert tool.json("show", "@")["code"]["masked"] == ["train.py:1", "train.py:2"]
    told = [f["text"] for f in tool.json("doctor") if f["subject"] == "secrets"]
    assert [t.split(" is masked")[0] for t in told] == ["train.py:1", "train.py:2"]
    digest = told[0].rpartition(" ")[2]
    assert digest == "sha256:" + sha256(canaries.at("demo").encode()).hexdigest()
    tool.write("exptrack.toml", f'[secrets]\nallow = ["{digest}"]\n')
    assert [f["text"][:10] for f in tool.json("doctor") if f["subject"] == "secrets"] == ["train.py:2"]
    tool("run", "--", sys.executable, "-c", "print(1)")
    assert tool.json("show", "@")["code"]["masked"] == ["train.py:2"]
    assert list(canaries.found(tool.folder / ".exptrack")) == ["demo"]
    tool.write("exptrack.toml", '[secrets]\nallow_in = ["*.py"]\n')
    assert not [f for f in tool.json("doctor") if f["subject"] == "secrets"]
