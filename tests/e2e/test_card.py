"""Cards as a user makes them: run, promote, write the card, write in it by hand, promote again, write it again."""

from __future__ import annotations

import json
import subprocess

from huggingface_hub import DatasetCard, ModelCard

from tool import Tool

TRAIN = """
import os, pathlib, sys
data = pathlib.Path("data.csv").read_text()
os.makedirs("out/deep", exist_ok=True)
pathlib.Path("out/model.bin").write_text(data + sys.argv[1])
pathlib.Path("out/deep/notes.txt").write_text("notes")
print(f"val/acc: {float(sys.argv[1])}")
"""


def train(tool: Tool, name: str, accuracy: str, *options: str) -> str:
    words = ("-q", "-n", name, "-i", "train=data.csv", "-o", "model=out/model.bin", "-o", "report=out", *options)
    tool("run", *words, "--", "python", "train.py", accuracy)
    return str(tool.json("show", name)["id"])


def made(tool: Tool) -> tuple[str, str]:
    tool.write("train.py", TRAIN)
    tool.write("data.csv", "a,b\n1,2\n")
    tool.write(".gitignore", "out/\nhub/\n")
    tool.committed()
    first, second = train(tool, "first", "0.8"), train(tool, "second", "0.9")
    tool("promote", "first", "prod", "--reason", "a start")
    return first, second


def test_a_model_card_from_promotion_to_promotion(tool: Tool) -> None:
    first, second = made(tool)
    assert "written" in tool("card", "prod", "-o", "hub/").stdout
    path = tool.folder / "hub" / "README.md"
    card = ModelCard.load(path)
    assert card.data.model_name == "prod"
    assert [(r.metric_name, r.metric_value) for r in card.data.eval_results] == [("val/acc", 0.8)]
    assert first in card.text
    assert "up to date" in tool("card", "prod", "-o", "hub").stdout

    # By hand, and by the Hub's own tool.
    path.write_text(path.read_text().replace("## Contact", "## How we chose it\n\nBy lot.\n\n## Contact"))
    card = ModelCard.load(path)
    card.data.license = "mit"
    card.data.eval_results[0].task_type = "tabular-classification"
    card.save(path)

    tool("promote", "second", "prod")
    assert "written" in tool("card", "prod", "-o", "hub").stdout
    card = ModelCard.load(path)
    assert "## How we chose it\n\nBy lot.\n" in card.text
    assert card.data.license == "mit"
    assert card.data.eval_results[0].task_type == "tabular-classification"
    assert [(r.metric_name, r.metric_value) for r in card.data.eval_results] == [("val/acc", 0.9)]
    assert second in card.text
    assert "a start" in card.text

    # A marker that somebody broke, and a part that somebody edited: nothing is overwritten.
    whole = path.read_text()
    for old, new, code in (("exptrack:end data -->", "", 2), ("## Results", "## Our results", 1)):
        path.write_text(whole.replace(old, new))
        said = tool("card", "prod", "-o", "hub", code=code)
        assert "hint:" in said.stderr
        assert path.read_text() == whole.replace(old, new)
    tool("card", "prod", "-o", "hub", "--force")
    assert "## Our results" not in path.read_text()
    assert ModelCard.load(path).data.license == "mit"


def test_stdout_dash_and_wrong_use(tool: Tool) -> None:
    first, _ = made(tool)
    printed = tool("card", "prod@1").stdout
    assert printed == tool("card", "prod", "-o", "-").stdout
    assert ModelCard(printed).data.model_name == "prod"
    assert f"`{first}`" in printed
    assert "one of them" in tool("card", "prod", "--provenance", "--dataset", "train", code=2).stderr
    assert "of which run" in tool("card", code=2).stderr
    assert "of which run" in tool("card", "--provenance", code=2).stderr
    tool("card", "nobody", code=3)
    tool("card", "--dataset", "nothing", code=3)
    tool.write("mine.md", "# Mine\n")
    assert "not a card" in tool("card", "prod", "-o", "mine.md", code=2).stderr
    assert (tool.folder / "mine.md").read_text() == "# Mine\n"


def test_a_data_set_card(tool: Tool) -> None:
    first, second = made(tool)
    tool.write("data.csv", "a,b\n3,4\n")
    third = train(tool, "third", "0.7")
    digest = tool.json("show", "first")["inputs"][0]["digest"]
    tool("card", "--dataset", digest[:10], "-o", "DATA.md")
    card = DatasetCard.load(tool.folder / "DATA.md")
    assert card.data.pretty_name == "train"
    assert [i in card.text for i in (first, second, third)] == [True, True, False]
    assert "prod@1" in card.text
    assert third in tool("card", "--dataset", "train").stdout
    assert "## Other versions\n\n| sha256" in tool("card", "second", "--dataset", "train").stdout
    assert "a dataset card, not a model card" in tool("card", "prod", "-o", "DATA.md", code=2).stderr


def test_a_provenance_statement(tool: Tool) -> None:
    first, _ = made(tool)
    data = json.loads(tool("card", "--provenance", "prod").stdout)
    names = {s["name"]: s["digest"]["sha256"] for s in data["subject"]}
    assert sorted(names) == ["out/deep/notes.txt", "out/model.bin"]
    for name, digest in names.items():
        assert [m["run"] for m in tool.json("which", digest)["runs"]].count(first), name
    assert data["predicate"]["runDetails"]["metadata"]["invocationId"] == first
    assert data["predicate"]["buildDefinition"]["internalParameters"]["model"] == "prod@1"
    tool("card", "first", "--provenance", "-o", "p.json")
    assert json.loads((tool.folder / "p.json").read_text())["predicateType"] == data["predicateType"]
    tool("run", "-q", "-n", "bare", "--", "python", "-c", "pass")
    assert "kept no outputs" in tool("card", "bare", "--provenance", code=1).stderr
    assert "No output was kept" in tool("card", "bare").stdout


def test_secrets_of_a_run_are_not_in_its_cards(tool: Tool) -> None:
    token = "hf_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3g"
    tool.write("train.py", "print('loss: 1')\nopen('m', 'w').write('m')\n")
    tool.committed()
    tool("run", "-q", "-n", "x", "-o", "model=m", "--", "python", "train.py", "--token", token)
    for words in (("card", "x"), ("card", "x", "--provenance")):
        printed = tool(*words).stdout
        assert "[redacted]" in printed.replace("\\", "")
        assert token not in printed


def test_which_run_made_each_file_of_a_list(tool: Tool) -> None:
    first, second = made(tool)
    tool.write("mine.txt", "mine")
    line = "sha256sum out/model.bin out/deep/notes.txt mine.txt"
    listed = subprocess.run(line.split(), cwd=tool.folder, capture_output=True, text=True, check=True).stdout
    done = tool("which", "-", "--json", code=1, stdin=None, input=listed)
    answers = json.loads(done.stdout)
    assert [[m["run"] for m in a["runs"]] for a in answers] == [[second, second], [second, first], []]
    known = "".join(listed.splitlines(keepends=True)[:2])
    assert second in tool("which", "-", stdin=None, input=known).stdout
    assert "no digest" in tool("which", "-", code=2).stderr
    assert "line 1" in tool("which", "-", code=2, stdin=None, input="x\n").stderr
    assert second in tool("which", "out").stdout
