"""What loggers and launchers print before the message."""

import pytest

from exptrack.record.metrics.prefixes import read_prefix


@pytest.mark.parametrize(
    "prefix",
    [
        "[rank0]:[titan] 2025-06-16 22:30:48,735 - root - INFO - ",
        "2020-05-08 18:56:16,649 - mmdet - INFO - ",
        "I0509 19:45:41.120270 20669 solver.cpp:266] ",
        "[04/05 01:30:24 d2.utils.events]:  ",
        "INFO:tensorflow:",
        "[2018-09-20 15:18:39,264 INFO] ",
        "[flaml.automl.logger: 11-22 20:24:46] {3192} INFO -  ",
        "2025-11-22 20:00:00.123 | INFO     | __main__:train:42 - ",
        "[node1] 2023-01-01 10:00:00,123 (trainer:732) INFO: ",
        "[LightGBM] [Info] ",
        "[node7:1/4] 2024-02-03 01:02:03,004 (trainer:99) INFO: ",
        "[2024-02-03 01:02:03,004] [4711] [MainThread] [INFO] (engine.Trainer:27) - ",
        "[2024-02-03 01:02:03,004] [4711] [INFO] ",
    ],
)
def test_the_message_begins_behind_it(prefix):
    text = prefix + "step 1 loss=0.5"
    assert text[read_prefix(text).body_at :] == "step 1 loss=0.5"


@pytest.mark.parametrize(
    "text", ["[0]\ttrain-logloss:0.5", "[1,    10] loss: 1.6", "[epoch 0] val_loss 1.8", "loss: 0.5"]
)
def test_a_message_is_no_prefix(text):
    assert read_prefix(text).body_at == 0


@pytest.mark.parametrize(
    ("text", "rank"), [("[rank3]: x", 3), ("[1,2]<stdout>: x", 2), ("[default7]: x", 7), ("x", None)]
)
def test_rank(text, rank):
    assert read_prefix(text).rank == rank
