"""Sentences with a shape of their own."""
# ruff: noqa: E501 - the lines of real programs are kept whole

import pytest

from metric_texts import points


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[I 2026-11-22 20:20:06,284] Trial 3 finished with value: 0.25 and parameters: {'x': -0.16}.",
            [("value", 0.25, 3)],
        ),
        (
            "Trial 1 finished with values: [0.5, -1.5] and parameters: {'x': 1.0}.",
            [("values_0", 0.5, 1), ("values_1", -1.5, 1)],
        ),
        (
            "51458: 9.307969, 10.018262 avg, 0.000004 rate, 1.161277 seconds",
            [("loss", 9.307969, 51458), ("avg", 10.018262, 51458)],
        ),
        (
            " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.374",
            [("AP IoU=0.50:0.95 area=all maxDets=100", 0.374, 0)],
        ),
        (
            "-8.592 per-word bound, 385.8 perplexity estimate",
            [("per-word bound", -8.592, 0), ("perplexity estimate", 385.8, 0)],
        ),
        ("[CV 1/3] END .............C=0.443;, score=0.880 total time=   0.2s", [("score", 0.88, 0)]),
        (
            "[CV 1/2] END C=1, gamma=0.1;, score=(train=0.987, test=0.913) total time=   0.0s",
            [("train/score", 0.987, 0), ("test/score", 0.913, 0)],
        ),
        (
            "[CV 2/2] END C=0.1; accuracy: (test=0.140) f1: (test=0.025) total time=   0.0s",
            [("test/accuracy", 0.14, 0), ("test/f1", 0.025, 0)],
        ),
        ("[CV] END .................................................... total time=   0.0s", []),
        ("P@1\t0.913", [("P@1", 0.913, 0)]),
        ("\t-2.625\t = Validation score   (-root_mean_squared_error)", [("Validation score", -2.625, 0)]),
        ("\t0.42s\t = Training   runtime", []),
        ("losses/q1_loss 65.5 1200", [("losses/q1_loss", 65.5, 1200)]),
        ("lib/loss 65 1200", []),
        (
            "LOG (nnet3-train[5.5]:x():nnet-training.cc:345) Overall average objective function for 'output' is -1.2 over 5.12e+05 frames.",
            [("Overall average objective function for 'output'", -1.2, 0)],
        ),
    ],
)
def test_sentence(text, expected):
    assert points(text) == expected
