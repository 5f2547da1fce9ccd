"""JSON lines and printed dicts."""
# ruff: noqa: E501 - the lines of real programs are kept whole

import math

import pytest

from metric_texts import points


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{'loss': '3.123', 'grad_norm': '1.278', 'epoch': '0.5'}", [("loss", 3.123, 0.5), ("grad_norm", 1.278, 0.5)]),
        ('{"epoch": 10, "loss": "3.180", "clip": "100%", "num_updates": 21497}', [("loss", 3.18, 21497)]),
        ('json_stats: {"iter": 55080, "loss_bbox": 0.000645, "mem": 3084}', [("loss_bbox", 0.000645, 55080)]),
        ("epoch 0: {'accuracy': 0.68, 'f1': 0.81}", [("accuracy", 0.68, 0), ("f1", 0.81, 0)]),
        ("Final result: {'target': np.float64(0.97), 'params': {'expC': np.float64(-0.4)}}", [("target", 0.97, 0)]),
        ('{"step": 3, "eval": {"loss": 0.5}}', [("eval/loss", 0.5, 3)]),
        (':::MLLOG {"key": "eval_accuracy", "value": 0.71, "metadata": {"lineno": 120, "epoch_num": 4}}', [("eval_accuracy", 0.71, 4)]),
        (':::MLLOG {"key": "global_batch_size", "value": 256, "metadata": {"lineno": 20}}', []),
        ('{"level": "info", "ts": 1700000000.1, "status": 200, "latency": 0.3}', []),
        ("{'learning_rate': 0.1, 'batch_size': 32, 'seed': 1, 'loss': 0.5}", []),
        ("{'uas': 81.5, 'tags_acc': 90.5, 'token_acc': 100.0, 'words': 12.0}", [("uas", 81.5, 0), ("tags_acc", 90.5, 0), ("token_acc", 100.0, 0)]),
        ("{'loss': 0.25, 'alpha_x': 1.5, 'status': 'ok'}", [("loss", 0.25, 0)]),
        ('{"episode": 80.0, "episode_reward": 6.5, "step": 900}', [("episode_reward", 6.5, 900)]),
        ("Best hyperparameter config: {'n_estimators': 16, 'loss': 0.17}", []),
    ],
)  # fmt: skip
def test_mapping(text, expected):
    assert points(text) == expected


def test_numbers_that_are_not_finite():
    (name, value, step), *rest = points("{'loss': nan, 'val_loss': -inf, 'epoch': 1}")
    assert (name, step) == ("loss", 1)
    assert math.isnan(value)
    assert rest == [("val_loss", -math.inf, 1)]


def test_full_precision():
    assert points('{"step": 1, "loss": 0.1234567890123456789}') == [("loss", 0.12345678901234568, 1)]


@pytest.mark.parametrize("text", ["{{'name': 'x'}}", '{{"step": 1}}', "{['name']: 'x'}", "{{'x', 'name'}: 1}"])
def test_braces_that_only_look_like_a_mapping(text):
    """Templates and sets of unhashable things: ast raises TypeError for them, and the recorder must not die of it."""
    assert points(text) == []


def test_fairseqs_counters_are_none_and_its_updates_are_the_step():
    text = '2021-01-05 22:42:30 | INFO | train | {"epoch": 46, "train_loss": "569.018", "train_ntokens": "9392.23", "train_num_updates": "1418"}\n'
    assert points(text) == [("train_loss", 569.018, 1418)]
