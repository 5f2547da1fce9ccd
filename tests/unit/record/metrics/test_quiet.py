"""What is thrown away unread: it may let a useless line through, and must not stop a metric."""

import pytest

from exptrack.record.metrics.quiet import is_quiet

LISTED = [
    b"-rw-r--r-- 1 root root     5120 Nov 23 21:54 test_loss.py",
    b"drwxrwsr-t+ 3 me my  4096 May 29  2025 val",
    b"lrwxrwxrwx 1 root root 22 Nov  1 10:00 best -> epoch=3-val_loss=0.25.ckpt",
    b"-rw------- me/my 1200 2026-01-01 10:00 eval/accuracy.txt",
    b"/usr/lib/python3/test:",
    b"total 5120",
]


@pytest.mark.parametrize("line", LISTED)
def test_listings_of_folders_are_quiet_whatever_the_files_are_called(line):
    assert is_quiet(b"\n-rw-r--r-- 1 a a 5 x\n" + line + b"\n")


@pytest.mark.parametrize(
    "line",
    [
        b"step 1 loss=0.5",
        b"accuracy: 50%",
        b"-r loss 0.5",
        b"drw epoch 3: 0.5",
        b"/val:",
        b"[12] foo: 0.5",
        b"Test set:",
        b"network-snapshot-005734        time 4m 26s       fid50k_full 46.5633",
    ],
)
@pytest.mark.parametrize("listed", [b"", *LISTED])
def test_a_line_of_a_metric_is_not_quiet_in_any_company(line, listed):
    assert not is_quiet(b"\n" + listed + b"\n" + line + b"\n" + listed + b"\n")
