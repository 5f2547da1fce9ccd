"""Which files are metrics; data sets are not. And what an earlier program wrote is not told again."""

from __future__ import annotations

import json
import os

import pytest

from exptrack.record.discover import remember
from exptrack.record.followed import Followed, judge

LATER = 2**62


def made(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


METRICS = {
    "metrics.csv": "epoch,train_loss,val_loss,val_acc\n",
    "results.csv": "epoch,      train/box_loss, metrics/mAP50(B), lr/pg0\n",
    "progress.csv": "time/iterations,rollout/ep_rew_mean,train/loss\n",
    "training.log": "epoch,accuracy,loss,val_accuracy,val_loss\n",
    "history7.csv": "step,loss,lr,time\n",
    "dvclive/plots/metrics/train/loss.tsv": "step\tloss\n",
    "metrics.jsonl": '{"loss": 0.5}\n',
    "log.txt": '{"train_lr": 1e-3, "train_loss": 6.9, "epoch": 0}\n',
    "out.jsonl": '{"type": "start"}\n{"global_step": 1, "loss": 0.4, "grad_norm": 1.5}\n',
    "metrics.json": '{"iteration": 19, "total_loss": 1.2}\n',
    "checkpoint-5/trainer_state.json": "{}",
    "runs/events.out.tfevents.1.host": "",
}
OTHERS = {
    "data.csv": "id,price,score\n1,2,3\n",
    "sales.csv": "batch,cost,region,customer\n1,2,3,4\n",
    "rollouts.csv": "step,reward,action_0,action_1,obs_0,obs_1,obs_2\n1,2,3,4,5,6,7\n",
    "train.csv": "Epoch time,temperature,humidity\n1,2,3\n",
    "results.csv": "team,goals\na,1\n",
    "predictions.jsonl": '{"id": 1, "score": 0.93, "text": "good"}\n',
    "chat.jsonl": '{"messages": [{"role": "user"}]}\n',
    "log.txt": "a plain log, with commas\nloss=0.5\n",
    "empty.csv": "\n\n\n",
    "words.csv": "x" * 100_000,
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics(tmp_path, name):
    assert judge(made(tmp_path, name, METRICS[name])) is True


@pytest.mark.parametrize("name", OTHERS)
def test_other_data(tmp_path, name):
    assert judge(made(tmp_path, name, OTHERS[name])) is False


@pytest.mark.parametrize("name", ["metrics.csv", "metrics.jsonl", "log.txt"])
def test_half_a_line_says_nothing_yet(tmp_path, name):
    assert judge(made(tmp_path, name, '{"step": 1, "lo')) is None
    assert judge(str(tmp_path / "gone.csv")) is None


def told(followed):
    return [(p.name, p.value) for p in followed.poll()]


ROWS = "step,loss\n1,0.5\n2,0.4\n"
LINES = '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.4}\n'


@pytest.mark.parametrize(
    ("name", "old", "more"), [("a.csv", ROWS, "3,0.3\n"), ("a.jsonl", LINES, '{"step": 3, "loss": 0.3}\n')]
)
def test_what_was_there_before_an_appending_run_is_not_told(tmp_path, name, old, more):
    path = made(tmp_path, name, old)
    followed = Followed(path, remember(path, LATER), is_declared=True)
    assert told(followed) == []
    with open(path, "a") as f:
        f.write(more)
    assert told(followed) == [("loss", 0.3)]
    assert told(followed) == []


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_what_was_written_anew_is_told_whole_though_it_looks_the_same(tmp_path, name):
    text = ROWS if name == "a.csv" else LINES
    path = made(tmp_path, name, text)
    followed = Followed(path, remember(path, LATER), is_declared=True)
    os.utime(path, (1.0, 1.0))
    assert told(followed) == [("loss", 0.5), ("loss", 0.4)]


def test_a_longer_file_with_another_beginning_was_written_anew(tmp_path):
    path = made(tmp_path, "a.csv", ROWS)
    followed = Followed(path, remember(path, LATER), is_declared=True)
    made(tmp_path, "a.csv", "step,loss\n1,0.9\n2,0.8\n3,0.7\n")
    assert [v for _, v in told(followed)] == [0.9, 0.8, 0.7]


def test_a_header_that_changes_tells_no_row_twice(tmp_path):
    """Lightning writes the whole file anew when a column appears."""
    path = made(tmp_path, "metrics.csv", "step,loss\n1,0.5\n")
    followed = Followed(path, None, is_declared=False)
    assert told(followed) == [("loss", 0.5)]
    made(tmp_path, "metrics.csv", "step,loss,val_loss\n1,0.5,\n2,0.4,0.6\n")
    assert told(followed) == [("loss", 0.4), ("val_loss", 0.6)]


def test_a_csv_that_is_called_log(tmp_path):
    followed = Followed(made(tmp_path, "training.log", "epoch,loss\n0,0.5\n"), None, is_declared=False)
    assert told(followed) == [("loss", 0.5)]


def test_dvclive_tells_the_split_by_its_folder(tmp_path):
    followed = Followed(
        made(tmp_path, "dvclive/plots/metrics/train/loss.tsv", "step\tloss\n0\t0.5\n"), None, is_declared=False
    )
    assert told(followed) == [("train/loss", 0.5)]


def test_a_missing_file_has_no_points(tmp_path):
    assert told(Followed(str(tmp_path / "gone.csv"), None, is_declared=True)) == []


def test_checkpoints_of_one_training_are_one_group(tmp_path):
    state = json.dumps({"log_history": [{"step": 1, "loss": 0.5}]})
    five, six = (
        Followed(made(tmp_path, f"checkpoint-{n}/trainer_state.json", state), None, is_declared=False) for n in (5, 6)
    )
    assert five.is_history
    assert five.group == six.group == str(tmp_path)


def test_files_of_one_folder_that_differ_in_the_split_tell_different_metrics(tmp_path):
    """CatBoost's learn_error.tsv and test_error.tsv; a file that is alone has the name its owner chose."""
    text = "iter\tLogloss\n0\t0.5\n"
    paths = [made(tmp_path, name, text) for name in ("a/learn_error.tsv", "a/test_error.tsv", "b/test_error.tsv")]
    told = [Followed(path, None, is_declared=False).poll() for path in paths]
    assert [[point.name for point in points] for points in told] == [["Logloss"], ["test/Logloss"], ["Logloss"]]


def test_a_last_object_without_its_line_feed_is_told_at_the_end_and_a_torn_one_never(tmp_path):
    path = made(tmp_path, "metrics.jsonl", '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}')
    followed = Followed(path, None, is_declared=True)
    assert told(followed) == [("loss", 0.5)]
    followed.end(is_well=False)
    assert told(followed) == [("loss", 0.25)]
    torn = Followed(made(tmp_path, "torn.jsonl", '{"loss": 0.5}\n{"loss": 0.2'), None, is_declared=True)
    assert told(torn) == [("loss", 0.5)]
    torn.end(is_well=True)
    assert told(torn) == []


def test_a_last_row_without_its_line_feed_is_told_where_it_cannot_be_cut_off(tmp_path):
    followed = Followed(made(tmp_path, "log.csv", "step,loss\n1,0.5\n2,0.2"), None, is_declared=True)
    assert told(followed) == [("loss", 0.5)]
    followed.end(is_well=False)
    assert told(followed) == []
    followed.end(is_well=True)
    assert told(followed) == [("loss", 0.2)]
    assert told(followed) == []
