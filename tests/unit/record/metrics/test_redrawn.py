"""Frames of a bar that are passed over: never one whose absence would change a point."""

from hypothesis import given
from hypothesis import strategies as st

from exptrack.record.metrics import Recogniser
from exptrack.record.metrics.redrawn import worth_reading

FRAME = "Epoch {}:  37%|###   | {}/{} [{}<00:02, {}it/s, {}]"


def frame(n, epoch=1, total=900, clock="00:01", rate=9.5, post="loss=0.5"):
    return FRAME.format(epoch, n, total, clock, rate, post).encode()


def read(*frames):
    return worth_reading(frames, [True] * len(frames))


def test_of_frames_alike_the_first_and_the_last_are_read():
    assert read(*(frame(n, rate=n, post=f"loss=0.{n}") for n in range(50))) == [0, 49]


def test_what_may_change_a_point_is_read():
    same = [frame(n) for n in range(5)]
    for other in (
        frame(5, epoch=2), frame(5, clock="00:31"), frame(5, total=800), frame(5, post="loss=0.5, x=1"),
        frame(5, post="loss=1"), frame(5, post="loss=nan"), frame(5, post="loss2=0.5"), b"Epoch 1: saved",
    ):  # fmt: skip
        assert read(*same, other, *same) == [0, 4, 5, 6, 10], other
    assert read(*(b"Batches:" + frame(n)[8:] for n in range(5))) == [*range(5)], "the counter may be the step"
    assert worth_reading(same, [True, True, False, True, True]) == [*range(5)], "a line of its own is no frame"


POSTS = st.sampled_from(
    ["loss=0.{}", "loss={}", "loss=0.{}, x=0.5", "loss=0.{}, x=1", "loss=nan", "x=0.5", "m1=0.5", "m2=0.{}", "t=1:{}"]
)
FRAMES = st.builds(
    lambda epoch, n, clock, post, desc: desc.format(epoch) + FRAME.format(0, n, 9, clock, 5, post.format(n))[8:],
    st.integers(0, 1),
    st.integers(0, 9),
    st.sampled_from(["00:01", "00:02", "00:40", "01:20"]),
    POSTS,
    st.sampled_from(["Epoch {}:", "Epoch {}:", "train:", "Epoch {} loss=0.25:", "rank1: epoch {}", "step {}:"]),
)
OTHERS = st.sampled_from(
    ["Epoch 1: loss 0.75", "saved", "", "Test set:", "| a | loss |", "step 3 loss=0.25\nstep 4 loss=1"]
)


@given(
    parts=st.lists(
        st.tuples(st.one_of(FRAMES, OTHERS), st.integers(1, 4), st.sampled_from(["\r", "\r", "\n"])), max_size=12
    )
)
def test_passed_over_or_not_the_points_are_the_same(parts):
    text = "".join((frame + end) * times for frame, times, end in parts).encode()
    found = []
    for recogniser in (Recogniser(), Recogniser(witness=lambda *_: None)):
        points = recogniser.feed(text) + recogniser.close()
        found.append(sorted((p.name, repr(p.value), repr(p.step), repr(p.epoch)) for p in points))
    assert found[0] == found[1]
