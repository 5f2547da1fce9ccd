"""The shape book changes how fast lines are read, never what is read: every line alone gives what all of them give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.record.metrics import Recogniser
from metric_texts import points

TEXTS = {
    "plain": "".join(f"step {i} loss={1 / (i + 1):.6f} acc={i / 400:.6f}\n" for i in range(300)),
    "exponents": "".join(f"iter {i}: loss {10.0 ** (3 - i):.3g}, kl {10.0**-i:.3g}\n" for i in range(12)),
    "not finite": "".join(f"step {i} loss={'nan' if i % 3 else 0.5}\n" for i in range(20)),
    "per cent": "".join(f"Epoch {i} acc: {i}.5% val acc: {i}.25%\n" for i in range(20)),
    "ranks": "".join(f"[rank{i % 3}]: step {i // 3} loss={i / 7:.4f}\n" for i in range(60)),
    "epochs restart": "".join(f"Epoch [{e}][{i}/5] loss: {e + i / 9:.4f}\n" for e in range(3) for i in range(5)),
    "names with digits": "".join(
        f"step {i} loss_1=0.5 loss_2=0.25\nstep {i} loss_3=0.5 loss_4=0.25\n" for i in range(9)
    ),
    "splits": "".join(f"step {i} Train: loss 0.{i} | Val: loss 0.{i}5\n" for i in range(9)),
    "repeated": "step 1 loss=0.5\n" * 5 + "step 2 loss=0.5\n" * 5,
    "interrupted": "".join(f"step {i} loss=0.{i}\nsaved checkpoint {i} in 0.3s\n" for i in range(9)),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_bulk_reading_equals_reading_one_by_one(text):
    heard = []
    slow = Recogniser(witness=lambda *what: heard.append(what))
    one_by_one = slow.feed(text.encode()) + slow.close()
    expected = sorted((p.name, repr(p.value), p.step, p.epoch) for p in one_by_one)
    fast = Recogniser()
    found = fast.feed(text.encode()) + fast.close()
    assert expected
    assert sorted((p.name, repr(p.value), p.step, p.epoch) for p in found) == expected


def test_points_keep_the_order_of_the_lines():
    found = points("".join(f"step {i} a_loss={i}.5 b_loss={i}.25\n" for i in range(50)))
    assert found == [(name, i + extra, i) for i in range(50) for name, extra in (("a_loss", 0.5), ("b_loss", 0.25))]


LINES = st.one_of(
    st.builds("Epoch: [{}][{}/5] loss {}.5 (0.25)".format, st.integers(0, 3), st.integers(0, 5), st.integers(0, 1)),
    st.builds("Epoch: [{}][{}/5] loss nan (0.25)".format, st.integers(0, 3), st.integers(0, 5)),
    st.builds("epoch {} step {} loss=0.{}".format, st.integers(0, 3), st.integers(0, 5), st.integers(0, 1)),
    st.builds("step {} acc=0.{}".format, st.integers(0, 5), st.integers(0, 1)),
    st.builds('{{"step": {}, "loss": 0.{}}}'.format, st.integers(0, 5), st.integers(0, 1)),
    st.builds("[rank{}]: step {} loss=0.5".format, st.integers(0, 1), st.integers(0, 5)),
    st.builds("saved checkpoint {}".format, st.integers(0, 9)),
    st.builds("the cat {} sat on the mat".format, st.integers(0, 9)),
    st.sampled_from(
        ["", "-----", "Test set:", "loss: 0.5", "Accuracy: 0.75", "***** eval metrics *****", "| loss | 0.5 |"]
    ),
)


@given(
    parts=st.lists(st.tuples(st.lists(LINES, min_size=1, max_size=5), st.integers(1, 4)), min_size=1, max_size=5),
    rise=st.booleans(),
)
def test_whatever_comes_between_the_lines_of_a_shape_the_points_are_the_same(parts, rise):
    lines = [line for part, times in parts for _ in range(times) for line in part]
    if rise:
        lines = [line.replace("step ", f"step {n}") for n, line in enumerate(lines)]
    text = "".join(line + "\n" for line in lines).encode()
    found = []
    for recogniser in (Recogniser(), Recogniser(witness=lambda *_: None)):
        points = recogniser.feed(text) + recogniser.close()
        found.append(sorted((p.name, repr(p.value), str(p.step), str(p.epoch)) for p in points))
    assert found[0] == found[1]
