"""Whatever is wrong, the user gets `error:` and `hint:`, the right exit code, and loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tool import EXPTRACK, Tool
from unprivileged import give_up_privileges

HELLO = ("--", sys.executable, "-c", "print('step 1 loss=0.5')")


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.stderr.startswith("error: "), done.stderr
    for word in words:
        assert word in done.stderr


def test_unknown_key_names_line_and_nearest_key(tool: Tool) -> None:
    tool.write("exptrack.toml", 'project = "x"\n\n[require]\ntag = ["owner"]\n')
    done = tool("run", "--", "touch", "started", code=125)
    refused(done, "exptrack.toml:4", "require.tag", "`tags`")
    assert not (tool.folder / "started").exists()
    refused(tool("ls", code=2), "exptrack.toml:4")


def test_wrong_type_names_the_line(tool: Tool) -> None:
    tool.write("exptrack.toml", 'project = "x"\n[metrics]\ngoals = { "acc" = "up" }\n')
    refused(tool("run", *HELLO, code=125), "exptrack.toml:3", "max")


@pytest.mark.parametrize("tag", ["owner", "=x", "a b=c"])
def test_malformed_tag_starts_nothing(tool: Tool, tag: str) -> None:
    refused(tool("run", "-t", tag, "--", "touch", "started", code=125), tag, "hint: ")
    assert not (tool.folder / "started").exists()
    assert tool.run_ids() == []


def test_command_not_found_and_not_executable(tool: Tool) -> None:
    refused(tool("run", "--", "no-such-program-here", code=127), "no-such-program-here")
    tool.write("script.py", "print(1)\n")
    refused(tool("run", "--", "./script.py", code=126), "script.py", "chmod")
    assert tool.run_ids() == []
    assert not list((tool.folder / ".exptrack" / "live").glob("*")) if (tool.folder / ".exptrack").exists() else True


def test_wrong_use(tool: Tool) -> None:
    tool("run", *HELLO)
    refused(tool("run", code=125), "hint: ")
    refused(tool("run", "--bogus", *HELLO, code=125), "--bogus")
    refused(tool("ls", "--bogus", code=2), "--bogus")
    refused(tool("ls", "metrics.loss>>1", code=2), "hint: ")
    refused(tool("ls", "--sort", "bogus", code=2), "bogus")
    refused(tool("ls", "--agg", "mean", code=2), "--group-by")
    refused(tool("ls", "--group-by", "status", "-n", "1", code=2), "--limit")
    refused(tool("ls", "--json", "--csv", code=2), "one of them")
    refused(tool("promote", "@", "m@2", code=2), "cannot name a model")
    refused(tool("no-such-command", code=2), "no-such-command", "exptrack --help")
    refused(tool("run", "-n", code=125), "`exptrack run --help`")
    refused(tool("ls", "--sort", code=2), "`exptrack ls --help`")
    refused(tool("prmote", code=2), "did you mean `promote`")
    refused(tool("compare", "@", "@~1", code=2), "did you mean `diff`")


def test_groups_are_csv_too(tool: Tool) -> None:
    tool("run", *HELLO)
    assert tool("ls", "--group-by", "status", "--agg", "mean,count", "--csv").stdout.splitlines() == [
        "status,count,loss mean,loss count",
        "finished,1,0.5,1",
    ]


def test_a_policy_on_a_disk_that_is_not_mounted_starts_nothing(tool: Tool) -> None:
    (tool.folder / "exptrack.toml").symlink_to("/not/mounted/exptrack.toml")
    refused(tool("run", "--", "touch", "started", code=125), "exptrack.toml: No such file")
    assert not (tool.folder / "started").exists()


def test_in_a_folder_that_was_removed(tool: Tool) -> None:
    """Nothing can be recorded there; what is only passed through runs as it would without us."""
    words = ["run", "--", "echo", "here"]
    for env, code, out in (({}, 125, ""), ({"RANK": "1", "WORLD_SIZE": "2"}, 0, "here\n")):
        script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
        done = subprocess.run(
            ["sh", "-c", script, "sh", EXPTRACK, *words],
            cwd=tool.folder,
            env=tool.env | env,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (code, out)
        assert ("the current folder does not exist any more" in done.stderr) is (code == 125)


def test_a_reader_that_went_away_is_no_answer(tool: Tool) -> None:
    """Exit code 1 would say "no" or "different"; this is 128 + SIGPIPE, as of any program."""
    tool("run", "-q", "--", "true")
    for words in (["ls"], ["show", "@", "--json"], ["policy", "explain"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [EXPTRACK, *words], cwd=tool.folder, env=tool.env, stdout=writer, stderr=subprocess.PIPE, text=True
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, ""), words


def test_a_traceback_that_is_asked_for_changes_no_exit_code(tool: Tool) -> None:
    tool("run", "-q", "--", "true")
    for words, code in ((["show", "nosuch"], 3), (["run", "-c", "gone.yaml", "--", "true"], 125)):
        done = subprocess.run(
            [EXPTRACK, *words],
            cwd=tool.folder,
            env=tool.env | {"EXPTRACK_DEBUG": "1"},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code
        assert done.stderr.startswith("Traceback")
        assert "\nerror: " in done.stderr
        assert "\nhint: " in done.stderr


def test_unknown_and_ambiguous_runs_list_candidates(tool: Tool) -> None:
    tool("run", "-n", "alpha", *HELLO)
    tool("run", "-n", "beta", *HELLO)
    refused(tool("show", "alhpa", code=3), "alpha")
    first, second = tool.run_ids()
    prefix = first[: next(i for i in range(16) if first[i] != second[i])]
    done = tool("show", prefix, code=3)
    refused(done, *tool.run_ids())
    refused(tool("show", "@~9", code=3), "@~9")
    refused(tool("models", "nothing", code=3), "nothing")
    refused(tool("get", "alpha", code=3), "alpha"[:1])


def test_an_empty_folder_says_how_to_begin(tool: Tool) -> None:
    for words in (["ls"], ["show", "@"], ["diff", "@~1", "@"], ["reindex"]):
        refused(tool(*words, code=3), "exptrack run")
    assert not (tool.folder / ".exptrack").exists()


def test_a_store_of_a_newer_format_is_left_alone(tool: Tool) -> None:
    tool("run", *HELLO)
    (tool.folder / ".exptrack/store/format").write_text("2\n")
    refused(tool("ls", code=2), "format 2", "upgrade")
    refused(tool("run", "--", "touch", "started", code=125), "upgrade")
    assert not (tool.folder / "started").exists()
    assert len(tool.run_ids()) == 1


def test_a_corrupt_manifest_hides_no_other_run(tool: Tool) -> None:
    tool("run", "-n", "good", *HELLO)
    tool("run", "-n", "bad", *HELLO)
    bad = tool.json("show", "bad")["id"]
    manifest = tool.folder / ".exptrack/store/runs" / f"{bad}.json"
    manifest.write_text("{ not json")
    (tool.folder / ".exptrack/index.db").unlink()
    done = tool("ls")
    assert "good" in done.stdout
    assert bad in done.stderr
    refused(tool("show", bad, code=6), bad)
    assert manifest.read_text() == "{ not json"


def test_a_corrupt_index_is_rebuilt(tool: Tool) -> None:
    tool("run", "-n", "one", *HELLO)
    before = tool("ls", "--json").stdout
    (tool.folder / ".exptrack/index.db").write_bytes(b"not a database at all" * 100)
    assert tool("ls", "--json").stdout == before
    tool("run", "-n", "two", *HELLO)
    assert len(tool.json("ls")) == 2


def test_a_store_that_cannot_be_written_starts_nothing(tool: Tool) -> None:
    tool.write("taken", "a file where a folder should be")
    tool.write("exptrack.toml", 'store = "taken/store"\n')
    refused(tool("run", "--", "touch", "started", code=125), "taken/store", "hint: ")
    refused(tool("run", "--", "touch", "started", code=125, env={"EXPTRACK_DIR": "/proc/none/.exptrack"}), "/proc/none")
    assert not (tool.folder / "started").exists()


def test_a_folder_that_is_closed_to_the_user_starts_nothing(tool: Tool) -> None:
    tool.folder.chmod(0o500)
    refused(tool("run", "--", "touch", "started", code=125, preexec_fn=give_up_privileges), "hint: ")
    assert not (tool.folder / "started").exists()


def test_without_git_the_run_is_recorded_all_the_same(tool: Tool, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "env"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    tool.write("train.py", "print('step 1 loss=0.5')\n")
    env = {"PATH": f"{tools}"}
    tool("run", "-n", "gitless", "--", sys.executable, "train.py", env=env)
    run = tool.json("show", "@")
    assert run["status"] == "finished"
    assert run["code"]["commit"] is None
    assert run["code"]["files"] >= 1
    tool("restore", "@", str(tmp_path / "back"), env=env)
    assert (tmp_path / "back/train.py").read_text() == "print('step 1 loss=0.5')\n"


def test_escape_codes_in_names_never_reach_the_screen(tool: Tool) -> None:
    tool("run", "-n", "evil\x1b]0;owned\x07", "-t", "k=\x1b[31mred", "-m", "n\x1b[2J", *HELLO)
    for words in (["ls"], ["show", "@"], ["ls", "--json"], ["show", "@", "--json"]):
        assert "\x1b" not in tool(*words).stdout
    assert "\x1b" not in tool("show", "evil\x1b[0m", code=3).stderr


def test_a_model_without_gates_is_said_where_others_have_some(tool: Tool) -> None:
    tool.write("exptrack.toml", '[promote.churn-prod]\nmetrics = ["loss <= 1"]\n')
    tool("run", *HELLO)
    mistyped = "did you mean `churn-prod`?"
    assert mistyped in tool("why", "@", "churn-prd", code=1).stdout
    assert "there are gates for: churn-prod" in tool("why", "@", "other").stderr
    assert mistyped in tool("promote", "@", "churn-prd", code=4).stderr
    assert "warning" not in tool("promote", "@", "churn-prod").stderr


def test_declared_files_that_are_not_there_are_named_in_the_last_line(tool: Tool) -> None:
    tool.write("there.csv", "1")
    outputs = ("-o", "model=gone.bin", "-o", "here=there.csv")
    said = tool("run", "-i", "nowhere.csv", "-i", "there.csv", *outputs, "--", "true").stderr.splitlines()[-1]
    assert " · not there: input nowhere.csv, output gone.bin · " in said
    assert tool.json("show", "@")["status"] == "finished"


def test_a_folder_to_write_to_that_is_a_file(tool: Tool) -> None:
    tool("run", "-q", "-o", "model=m.bin", "--", "sh", "-c", "echo weights > m.bin")
    for place in ("m.bin", "m.bin/below"):
        refused = tool("get", "@", "-o", place, code=2)
        assert "m.bin is a file" in refused.stderr
        assert "hint: " in refused.stderr
    assert (tool.folder / "m.bin").read_text() == "weights\n"


def test_a_pattern_that_is_none_is_wrong_use_of_parse(tool: Tool) -> None:
    refused = tool("parse", "-", "--metric", "score=(", code=2)
    assert "score" in refused.stderr


def test_a_promotion_that_never_was_is_no_such_run(tool: Tool) -> None:
    tool("run", "-q", "--", "true")
    tool("promote", "@", "churn")
    assert "error: churn has no promotion 7" in tool("rollback", "churn", "7", code=3).stderr
    assert "hint: " in tool("show", "@~5", code=3).stderr


def test_the_best_of_a_list_is_a_filter_of_it(tool: Tool) -> None:
    for number, owner in ((0.5, "nlp"), (0.75, "vision"), (0.25, "vision")):
        tool("run", "-q", "-t", f"owner={owner}", "--", "sh", "-c", f"echo epoch 1 val/acc={number}")
    assert [r["metrics"]["val/acc"]["last"] for r in tool.json("ls", "best:val/acc")] == [0.75]
    assert [r["metrics"]["val/acc"]["last"] for r in tool.json("ls", "best:val/acc", "tag.owner=nlp")] == [0.5]
    grouped = tool("ls", "best:val/acc", "tag.owner=vision", "--group-by", "tag.owner", "--agg", "mean", "--csv")
    assert grouped.stdout.splitlines() == ["tag.owner,count,val/acc mean", "vision,1,0.75"]
    assert "no run has the metric `nothing`" in tool("ls", "best:nothing", code=3).stderr
