"""`doctor`: what it says of a healthy place and of a sick one, and that it changes nothing."""

from __future__ import annotations

import json

from tool import Tool
from unprivileged import give_up_privileges


def test_a_healthy_place(tool: Tool) -> None:
    tool.write("train.py", "print('step 1 loss=0.5')\n")
    tool.committed()
    tool("run", "--", "true")
    done = tool("doctor")
    assert "1 run" in done.stdout
    assert "main, committed" in done.stdout
    assert {f["subject"] for f in tool.json("doctor")} >= {
        "exptrack",
        "policy",
        "store",
        "space",
        "index",
        "live",
        "code",
    }


def test_an_empty_place_is_left_empty(tool: Tool) -> None:
    assert "the first run makes it" in tool("doctor").stdout
    assert not (tool.folder / ".exptrack").exists()


def test_a_store_that_the_first_run_cannot_make(tool: Tool) -> None:
    tool.folder.chmod(0o500)
    done = tool("doctor", "--json", code=1, preexec_fn=give_up_privileges)
    findings = {f["subject"]: f for f in json.loads(done.stdout)}
    assert findings["store"]["is_well"] is False
    assert f"nothing can be made in {tool.folder}" in findings["store"]["text"]


def test_what_is_wrong_is_named_with_what_to_do(tool: Tool) -> None:
    tool("run", "--", "true")
    manifest = next((tool.folder / ".exptrack/store/runs").glob("*.json"))
    manifest.write_text("{")
    (tool.folder / ".exptrack/index.db").unlink()
    findings = {f["subject"]: f for f in tool.json("doctor", code=1)}
    assert findings["index"]["is_well"] is False
    assert manifest.name in findings["index"]["text"]
    assert "verify" in findings["index"]["hint"]
