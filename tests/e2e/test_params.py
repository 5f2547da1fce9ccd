"""Parameters end to end: files, command line, the program itself and `-p`, in rising order of authority."""

from __future__ import annotations

from tool import Tool


def test_a_flag_wins_over_the_same_name_in_a_file_however_it_is_spelt(tool: Tool) -> None:
    tool.write("conf.toml", "batch-size = 32\nlr = 0.1\n[model]\nhidden-size = 8\n")
    tool("run", "--", "python", "-c", "pass", "--config", "conf.toml", "--batch-size", "64")
    params = tool.json("show", "@")["params"]
    assert params == {"batch_size": 64, "lr": 0.1, "model.hidden_size": 8, "config": "conf.toml"}


def test_what_the_program_says_wins_over_flags_and_p_over_all(tool: Tool) -> None:
    tool.write("t.py", "import exptrack\nexptrack.params(lr=0.2, depth=4)\n")
    tool("run", "-p", "depth=5", "--", "python", "t.py", "--lr", "1e-4", "--flag", "--no-bias")
    assert tool.json("show", "@")["params"] == {"lr": 0.2, "depth": 5, "flag": True, "bias": False}
