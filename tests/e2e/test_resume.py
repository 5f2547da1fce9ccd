"""A training that dies and goes on from its checkpoint is one run: `run --resume`, and a requeued job by itself."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from drive import wait_for
from tool import EXPTRACK, Tool

# Writes a checkpoint every five steps, as weights would be; `stop` says at which step it is stopped, and how.
TRAIN = """
import json, os, pathlib, signal, sys
checkpoint = pathlib.Path("ckpt.json")
begin = json.loads(checkpoint.read_text())["step"] if checkpoint.exists() else 0
attempt = os.environ.get("EXPTRACK_ATTEMPT", "1")
stop = pathlib.Path("stop").read_text().split() if os.path.exists("stop") else ["-1"]
print(f"attempt {attempt} begins with step {begin}", flush=True)
for step in range(begin, 20):
    if step % 5 == 0:
        checkpoint.write_text(json.dumps({"step": step}))
    print(f"step={step} loss={100 - step + int(attempt) / 10:.1f}", flush=True)
    if step == int(stop[0]):
        if stop[1] == "term":
            os.kill(os.getpid(), signal.SIGTERM)
        elif stop[1] == "fail":
            sys.exit(3)
        pathlib.Path("here").touch()
        signal.pause()
pathlib.Path("model.bin").write_text("weights of attempt " + attempt)
"""
OPTIONS = ["-n", "first", "-t", "owner=ann", "-o", "model=model.bin", "-o", "checkpoint=ckpt.json"]
COMMAND = ["python", "train.py"]


@pytest.fixture
def train(tool: Tool) -> Tool:
    tool.write("train.py", TRAIN)
    return tool


def attempt(tool: Tool, *words: str, stop: str = "", code: int | None = 0, **env: str) -> str:
    """One attempt; what exptrack said on stderr."""
    tool.write("stop", stop or "-1")
    return tool("run", *words, code=code, env=env).stderr


def points(tool: Tool, run: str = "@", metric: str = "loss") -> list[tuple[float, float]]:
    rows = csv.DictReader(io.StringIO(tool("plot", metric, run, "--csv").stdout))
    return [(float(r["step"]), float(r["value"])) for r in rows]


def told(*parts: tuple[range, int]) -> list[tuple[float, float]]:
    """Steps with the losses that the attempt of that number tells."""
    return [(step, round(100 - step + number / 10, 1)) for steps, number in parts for step in steps]


def killed_at(train: Tool, step: int) -> str:
    attempt(train, *OPTIONS, "--", *COMMAND, stop=f"{step} term", code=143)
    return str(train.json("show", "@")["id"])


def test_three_attempts_are_one_run(train: Tool) -> None:
    run_id = killed_at(train, 12)
    said = attempt(train, "--resume", run_id, "--", *COMMAND, stop="17 fail", code=3)
    assert f"continuing {run_id}, attempt 2" in said
    assert "attempt 3" in attempt(train, "--resume", "first", "--", *COMMAND)
    (run,) = json.loads(train("ls", "--json").stdout)
    assert (run["id"], run["status"], run["exit_code"], run["name"]) == (run_id, "finished", 0, "first")
    assert points(train) == told((range(10), 1), (range(10, 15), 2), (range(15, 20), 3))
    loss = run["metrics"]["loss"]
    assert (loss["count"], loss["first"], loss["last"], loss["last_step"]) == (20, 100.1, 81.3, 19)
    assert [(a["number"], a["status"], a["signal"], a["exit_code"]) for a in run["attempts"]] == [
        (1, "killed", "SIGTERM", None),
        (2, "failed", None, 3),
        (3, "finished", None, 0),
    ]
    assert run["attempts"][0]["id"] == run_id
    assert run["seconds"] == pytest.approx(sum(a["seconds"] for a in run["attempts"]))
    assert run["started_at"] == run["attempts"][0]["started_at"] < run["attempts"][1]["started_at"]
    assert len({a["environment"] for a in run["attempts"]}) == 1
    train("verify")


def test_what_is_not_said_again_is_as_it_was(train: Tool) -> None:
    killed_at(train, 7)
    train("tag", "first", "grade=b")
    train("note", "first", "looks good")
    attempt(train, "--resume", "@", "-t", "owner=bob", "-g", "sweep", "--", *COMMAND)
    run = train.json("show", "@")
    assert run["tags"] == {"owner": "bob", "grade": "b"}
    assert (run["name"], run["group"], run["note"]) == ("first", "sweep", "looks good")
    assert {a["path"] for a in run["artifacts"]} == {"model.bin", "ckpt.json"}
    train("tag", "@", "owner=cy")
    assert train.json("show", "@")["tags"]["owner"] == "cy"


def test_a_policy_is_met_by_the_tags_of_the_attempt_before(train: Tool) -> None:
    train.write("exptrack.toml", '[require]\ntags = ["owner"]\nname = "^[a-z]+$"\n[require.end]\nmetrics = ["loss"]\n')
    killed_at(train, 7)
    train("run", "--", "true", code=125)
    attempt(train, "--resume", "@", "--", *COMMAND)
    assert train.json("show", "@")["status"] == "finished"


def test_the_log_of_every_attempt_is_kept_and_shown_in_order(train: Tool) -> None:
    killed_at(train, 7)
    attempt(train, "--resume", "@", "--", *COMMAND)
    begins = [line for line in train("logs", "@").stdout.splitlines() if line.startswith("attempt")]
    assert begins == ["attempt 1 begins with step 0", "attempt 2 begins with step 5"]
    assert train("logs", "@", "--attempt", "1").stdout.endswith("step=7 loss=93.1\n")
    assert train("logs", "@", "--attempt", "2").stdout.startswith("attempt 2 begins")
    assert "has no attempt 3" in train("logs", "@", "--attempt", "3", code=3).stderr
    shown = train("show", "@").stdout
    assert "attempts" in shown
    assert "SIGTERM" in shown


def test_without_a_command_its_own_is_run_again_where_it_was_run(train: Tool) -> None:
    train("init")
    folder = train.folder / "deeper"
    folder.mkdir()
    (train.folder / "train.py").rename(folder / "train.py")
    (folder / "stop").write_text("7 term")
    train("run", *OPTIONS, "--", *COMMAND, cwd=folder, code=143)
    (folder / "stop").unlink()
    train("run", "--resume", "@")
    run = train.json("show", "@")
    assert (run["status"], run["command"], run["cwd"]) == ("finished", COMMAND, str(folder))
    assert {a["path"] for a in run["artifacts"]} == {"model.bin", "ckpt.json"}


def test_a_copied_project_does_not_continue_the_run_of_the_one_it_was_copied_from(train: Tool) -> None:
    """The recorded folder is still there, and another project's by now."""
    train("init")
    killed_at(train, 7)
    copy = train.folder.parent / "copy"
    shutil.copytree(train.folder, copy, symlinks=True)
    assert "not in this project" in train("run", "--resume", "@", cwd=copy, code=125).stderr
    assert len(train.json("show", "@")["attempts"]) == 1
    (copy / "stop").unlink()
    train("run", "--resume", "@", "--", *COMMAND, cwd=copy)
    assert json.loads(train("show", "@", "--json", cwd=copy).stdout)["cwd"] == str(copy)
    assert len(train.json("show", "@")["attempts"]) == 1


def test_a_command_with_a_secret_is_not_run_again(train: Tool) -> None:
    train("run", "--", "true", "--api-key", "hunter2hunter2")
    done = train("run", "--resume", "@", code=125)
    assert "held a secret" in done.stderr


def test_from_another_folder_outputs_are_where_they_were(train: Tool) -> None:
    killed_at(train, 7)
    other = train.folder / "other"
    other.mkdir()
    train("run", "--resume", "@", "--", "sh", "-c", "cd .. && rm stop && python train.py", cwd=other)
    run = train.json("show", "@")
    assert {(a["kind"], Path(a["path"]).name) for a in run["artifacts"]} == {
        ("model", "model.bin"),
        ("checkpoint", "ckpt.json"),
    }


def test_what_a_later_attempt_wrote_anew_is_still_found_by_its_bytes(train: Tool) -> None:
    run_id = killed_at(train, 7)
    early = (train.folder / "ckpt.json").read_bytes()
    attempt(train, "--resume", "@", "--", *COMMAND)
    assert (train.folder / "ckpt.json").read_bytes() != early
    train.write("copy.json", early.decode())
    assert [r["run"] for r in train.json("which", "copy.json")["runs"]] == [run_id]


def test_the_run_as_it_was_after_an_attempt(train: Tool) -> None:
    killed_at(train, 7)
    train.write("train.py", TRAIN + "# a line more\n")
    attempt(train, "--resume", "@", "--", *COMMAND, "--lr", "1")
    assert train.json("show", "first.1")["status"] == "killed"
    assert train.json("show", "@.2")["params"] == {"lr": 1}
    sections = train.json("diff", "first.1", "first.2")["sections"]
    assert {"command", "params", "code", "status"} <= set(sections)
    train("restore", "first.1", "../code")
    assert (train.folder.parent / "code" / "train.py").read_text() == TRAIN
    train("get", "first.1", "checkpoint", "-o", "../got")
    assert json.loads((train.folder.parent / "got" / "ckpt.json").read_text()) == {"step": 5}
    assert "no attempt 3" in train("show", "first.3", code=3).stderr
    assert "no run nope.1" in train("show", "nope.1", code=3).stderr
    train("promote", "first.2", "prod", code=3)


def test_an_input_that_changed_between_attempts_is_said(train: Tool) -> None:
    train.write("data.csv", "1,2\n")
    attempt(train, "-i", "train=data.csv", *OPTIONS, "--", *COMMAND, stop="7 term", code=143)
    train.write("data.csv", "1,2,3\n")
    attempt(train, "--resume", "@", "--", *COMMAND)
    run = train.json("show", "@")
    assert [i["name"] for i in run["inputs"]] == ["train"]
    assert "input train is not what it was in the attempt before" in run["warnings"]


def living(train: Tool, *words: str, **env: str) -> subprocess.Popen[bytes]:
    """An attempt that waits at step 12."""
    train.write("stop", "12 wait")
    (train.folder / "here").unlink(missing_ok=True)
    process = subprocess.Popen(
        [EXPTRACK, "run", "-q", *words],
        cwd=train.folder,
        env=train.env | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    wait_for((train.folder / "here").exists)
    return process


def test_a_living_run_is_not_continued_and_one_of_two_may_continue(train: Tool) -> None:
    run_id = killed_at(train, 7)
    process = living(train, "--resume", run_id, "--", *COMMAND)
    try:
        done = train("run", "--resume", run_id, "--", "true", code=125)
        assert "still running" in done.stderr
        (run,) = json.loads(train("ls", "--json").stdout)
        assert (run["status"], len(run["attempts"])) == ("running", 2)
        assert json.loads(train("ls", "status=killed", "--json").stdout) == []
        wait_for(lambda: points(train) == told((range(5), 1), (range(5, 13), 2)))
        assert train.json("show", "@")["metrics"]["loss"]["count"] == 13
        assert "attempt 1 begins" in train("logs", "@").stdout
        assert "attempt 2 begins" in train("logs", "@").stdout
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert train.json("show", run_id)["attempts"][1]["signal"] == "SIGTERM"


def test_the_log_of_a_living_attempt_is_followed_behind_those_before_it(train: Tool) -> None:
    killed_at(train, 7)
    process = living(train, "--resume", "@", "--", *COMMAND)
    follower = subprocess.Popen([EXPTRACK, "logs", "-f", "@"], cwd=train.folder, env=train.env, stdout=subprocess.PIPE)
    assert follower.stdout
    seen = [follower.stdout.readline() for _ in range(10)]
    assert seen[-1].startswith(b"attempt 2 begins")
    process.send_signal(signal.SIGTERM)
    process.wait()
    rest = follower.communicate()[0]
    followed = b"".join(seen) + rest
    assert followed.count(b"attempt 1 begins") == followed.count(b"attempt 2 begins") == 1
    assert followed.endswith(b"step=12 loss=88.2\n")


def test_a_run_that_nobody_saw_end_is_sealed_first(train: Tool) -> None:
    """Everything of it was killed, recorder included: what it said until then is attempt 1."""
    process = living(train, *OPTIONS, "--", *COMMAND)
    (live,) = (train.folder / ".exptrack" / "live").iterdir()
    wait_until_noted(live)
    kill_all(process)
    attempt(train, "--resume", live.name, "--", *COMMAND)
    run = train.json("show", live.name)
    assert [a["status"] for a in run["attempts"]] == ["lost", "finished"]
    assert points(train) == told((range(10), 1), (range(10, 20), 2))


def wait_until_noted(live: Path) -> None:
    """What was printed has been read: a SIGKILL of exptrack loses what is still in the pipe."""
    wait_for((live / "captured.json").exists)
    wait_for(lambda: any("step=12 " in log.read_text() for log in live.glob("*.log")))


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """The supervisor and everything it started, at once: what a node that fails does."""
    family, todo = [process.pid], [process.pid]
    while todo:
        path = Path(f"/proc/{todo[-1]}/task/{todo.pop()}/children")
        found = [int(p) for p in path.read_text().split()]
        family += found
        todo += found
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(Path(f"/proc/{p}").exists() and alive(p) for p in family))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_is_promoted_does_not_change_any_more(train: Tool) -> None:
    attempt(train, *OPTIONS, "--", *COMMAND)
    train("promote", "@", "prod")
    done = train("run", "--resume", "prod@", "--", *COMMAND, code=125)
    assert "is prod@1" in done.stderr
    train("demote", "prod")
    train("run", "--resume", "first", "--", *COMMAND, code=125)
    train("verify")


def test_no_such_run_and_no_command(train: Tool) -> None:
    assert "no runs here" in train("run", "--resume", "@", "--", "true", code=125).stderr
    attempt(train, *OPTIONS, "--", *COMMAND)
    assert "no run nope" in train("run", "--resume", "nope", "--", "true", code=125).stderr
    assert "no command" in train("run", code=125).stderr
    assert list((train.folder / ".exptrack" / "live").iterdir()) == []


def test_no_run_by_an_empty_name(train: Tool) -> None:
    """A variable of a script that was never set must not continue whatever came last."""
    killed_at(train, 7)
    assert "names no run" in attempt(train, "--resume", "", "--", *COMMAND, code=125)
    assert "names no run" in attempt(train, "--resume=", code=125)
    assert len(train.json("show", "@")["attempts"]) == 1


def test_a_run_is_not_started_again_by_itself(train: Tool) -> None:
    """Its recorded command is the one that asks: it would begin itself without end."""
    script = "echo x >> starts; test $(wc -l < starts) -gt 3 || exptrack run --resume $EXPTRACK_RUN_ID"
    done = train("run", "-q", "--", "sh", "-c", script, code=125)
    assert "still running" in done.stderr
    assert (train.folder / "starts").read_text() == "x\n"


def test_inside_a_run_and_in_other_ranks_the_recorded_command_is_only_executed(train: Tool) -> None:
    train("run", "-q", "-n", "first", "--", "sh", "-c", "echo again")
    for words, env in (
        (["run", "-q", "-n", "outer", "--", "exptrack", "run", "--resume", "first"], {}),
        (["run", "--resume", "first"], {"RANK": "1", "WORLD_SIZE": "2"}),
    ):
        assert train(*words, env=env).stdout == "again\n"
    assert len(train.json("show", "first")["attempts"]) == 1


def test_a_program_that_is_not_there_leaves_the_run_as_it_was(train: Tool) -> None:
    killed_at(train, 7)
    before = train("show", "@", "--json").stdout
    train("run", "--resume", "@", "--", "./nope", code=127)
    assert train("show", "@", "--json").stdout == before


# --- a batch system that starts the job again ------------------------------------------------------------------------

JOB = {"SLURM_JOB_ID": "4711", "SLURM_CLUSTER_NAME": "big"}
AGAIN = {**JOB, "SLURM_RESTART_COUNT": "1"}


def test_a_requeued_job_continues_its_run_by_itself(train: Tool) -> None:
    attempt(train, *OPTIONS, "--", *COMMAND, stop="12 term", code=143, **JOB)
    (run_id,) = train.run_ids()
    said = attempt(train, *OPTIONS, "--", *COMMAND, "--resume", stop="17 term", code=143, **AGAIN)
    assert f"continuing {run_id}, attempt 2" in said
    assert "attempt 3" in attempt(train, *OPTIONS, "--", *COMMAND, **{**JOB, "SLURM_RESTART_COUNT": "2"})
    assert points(train) == told((range(10), 1), (range(10, 15), 2), (range(15, 20), 3))
    assert len(json.loads(train("ls", "--json").stdout)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {**AGAIN, "SLURM_JOB_ID": "4712"},
        {**AGAIN, "SLURM_CLUSTER_NAME": "small"},
        {**AGAIN, "SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "3"},
        {**AGAIN, "SLURM_RESTART_COUNT": "0"},
        JOB,
    ],
    ids=["job", "cluster", "task", "first start", "no count"],
)
def test_another_job_is_another_run(train: Tool, other: dict[str, str]) -> None:
    attempt(train, *OPTIONS, "--", *COMMAND, stop="12 term", code=143, **JOB)
    said = attempt(train, *OPTIONS, "--", *COMMAND, **other)
    assert "exptrack: recording" in said
    assert len(said.splitlines()) == 2


def test_every_command_of_a_job_finds_its_own_run(train: Tool) -> None:
    """A script that prepares and trains runs both again; each is continued once a start, and what is new is new."""
    first = {"prep": ["sh", "-c", "true"], "train": COMMAND}
    for name, command in first.items():
        attempt(train, "-n", name, "--", *command, stop="12 term", code=None, **JOB)
    for name, command in first.items():
        attempt(train, "-n", name, "--", *command, **AGAIN)
    attempt(train, "-n", "test", "--", "sh", "-c", "echo acc=0.5", **AGAIN)
    runs = {r["name"]: len(r["attempts"]) for r in json.loads(train("ls", "--json").stdout)}
    assert runs == {"prep": 2, "train": 2, "test": 1}


def test_another_command_goes_on_only_with_what_was_interrupted(train: Tool) -> None:
    """A script may say it differently after a restart; but a run that has ended well is not what another one goes on
    with."""
    train("run", "--", "sh", "-c", "exit 0", env=JOB)
    assert "exptrack: recording" in train("run", "--", "python", "-c", "pass", env=AGAIN).stderr
    train("run", "--", "sh", "-c", "kill -9 $$", env=JOB, code=137)
    assert "attempt 2" in train("run", "--", "python", "-c", "pass", env=AGAIN).stderr


def test_after_a_node_failed_the_run_is_sealed_first_although_it_seems_alive(train: Tool) -> None:
    """Its directory says another machine, and was touched a moment ago: only the batch system knows that it is dead."""
    process = living(train, *OPTIONS, "--", *COMMAND, **JOB)
    (live,) = (train.folder / ".exptrack" / "live").iterdir()
    wait_until_noted(live)
    kill_all(process)
    (live / "lock").write_text(f"0b5e55ed-0000-4000-8000-000000000000 not-{socket.gethostname()}\n")
    assert train.json("show", "@")["status"] == "running"
    said = attempt(train, *OPTIONS, "--", *COMMAND, **AGAIN)
    assert f"continuing {live.name}, attempt 2" in said
    run = train.json("show", "@")
    assert [a["status"] for a in run["attempts"]] == ["lost", "finished"]
    assert points(train) == told((range(10), 1), (range(10, 20), 2))


def test_what_cannot_be_continued_is_a_new_run_and_the_training_starts(train: Tool) -> None:
    attempt(train, *OPTIONS, "--", *COMMAND, **JOB)
    train("promote", "first", "prod")
    said = attempt(train, *OPTIONS, "--", *COMMAND, **AGAIN)
    assert "is prod@1" in said
    assert "recording a new run" in said
    assert len(train.run_ids()) == 2


def test_what_only_the_old_command_line_gave_is_not_the_runs_any_more(train: Tool) -> None:
    train.write("c.toml", "wd = 0.1\nlr = 7\n")
    options = ["-p", "depth=3", "-c", "c.toml", *OPTIONS]
    attempt(
        train, *options, "--", *COMMAND, "--sleep", "0.5", "--depth", "3", "--epochs", "20", stop="7 term", code=143
    )
    attempt(train, "--resume", "first", "--", *COMMAND, "--epochs", "50", stop="12 term", code=143)
    assert train.json("show", "first")["params"] == {"depth": 3, "wd": 0.1, "lr": 7, "epochs": 50}
    attempt(train, "--resume", "first")
    assert train.json("show", "first")["params"] == {"depth": 3, "wd": 0.1, "lr": 7, "epochs": 50}
    assert train.json("show", "first.1")["params"]["sleep"] == 0.5

    # Attempts of one run are told apart, and a run in several says that it would begin anew.
    run_id = train.json("show", "first")["id"]
    heads = train("diff", "first.1", "first.3").stdout.splitlines()[:2]
    assert [line.split()[1] for line in heads] == [f"{run_id}.1", f"{run_id}.3"]
    assert "continued from a checkpoint (3 attempts)" in train("reproduce", "first", "--dry-run").stdout
    assert "yes, 5 of 6; command: it was continued" in train("show", "first").stdout


def test_a_continued_run_that_differs_when_repeated_says_why(train: Tool) -> None:
    killed_at(train, 7)
    attempt(train, "--resume", "first", "--", *COMMAND)
    done = json.loads(train("reproduce", "first", "--same-environment", "--json", code=1).stdout)
    assert done["verdict"] == "differs", done["problems"]
    assert any("continued from a checkpoint (2 attempts)" in p for p in done["problems"])
