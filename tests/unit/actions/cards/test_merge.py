"""Generated parts and hand-written ones in one file: nothing people wrote is lost, whatever is damaged is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.actions.cards.merge import Block, Card, merge, new
from exptrack.errors import ExptrackError


def card(run="r1", *, kind="model", front=None, **texts):
    texts = {"summary": "one", "results": "two", "promotion": "three"} | texts
    parts = ["# Name", *(Block(n, t) for n, t in list(texts.items())[:1]), "## What it is\n\n*To be filled in*"]
    parts += [Block(n, t) for n, t in list(texts.items())[1:]]
    return Card(kind, run, {"tags": ["exptrack"]} if front is None else front, (("license", "which"),), parts)


def test_again_is_the_same_and_another_run_is_as_if_it_were_new():
    text = new(card())
    assert merge(text, card()) == text
    assert merge(text, card("r2", results="other\nlines")) == new(card("r2", results="other\nlines"))


def test_what_people_wrote_around_the_parts_stays():
    text = new(card())
    text = text.replace("*To be filled in*", "It reads digits.\n\n## Ours\n\n<b>by hand</b> <!-- a comment -->")
    text = "\n" + text.replace("<!-- exptrack:begin results", "Before.\n<!-- exptrack:begin results") + "\n## The end\n"
    done = merge(text, card("r2", results="new results"))
    for line in ("It reads digits.", "## Ours", "<b>by hand</b> <!-- a comment -->", "Before.", "## The end"):
        assert line in done.split("\n")
    assert "new results" in done
    assert "two" not in done
    assert done.endswith("\n\n## The end\n")


def test_parts_may_be_moved_and_taken_out():
    text = new(card())
    begin, end = "<!-- exptrack:begin promotion -->", "<!-- exptrack:end promotion -->"
    moved = text.replace(f"{begin}\nthree\n{end}", "").replace("# Name", f"# Name\n\n{begin}\nthree\n{end}")
    done = merge(moved, card(promotion="3"))
    assert done.index(f"{begin}\n3\n{end}") < done.index("exptrack:begin summary")
    gone = text.replace(f"{begin}\nthree\n{end}\n", "")
    assert merge(gone, card()) == gone


def test_a_part_that_a_newer_program_knows_comes_behind_the_one_before_it():
    done = merge(new(card()), card(energy="four", carbon="five", results="2"))
    assert done == merge(done, card(energy="four", carbon="five", results="2"))
    names = [line.split()[2] for line in done.split("\n") if "exptrack:begin" in line]
    assert names == ["summary", "results", "promotion", "energy", "carbon"]
    made = card()
    texts = made.blocks()
    first = Card(made.kind, "r", {}, (), [Block("zero", "0"), *(Block(n, t) for n, t in texts.items())])
    middle = Card(made.kind, "r", {}, (), [*(Block(n, t) for n, t in texts.items()), Block("last", "9")])
    middle.parts.insert(1, Block("between", "1.5"))
    assert "0" in merge(new(made), first)
    done = merge(new(made), middle)
    names = [line.split()[2] for line in done.split("\n") if "exptrack:begin" in line]
    assert names == ["summary", "between", "results", "promotion", "last"]


def test_a_part_of_a_newer_program_is_left_alone():
    text = new(card(energy="four"))
    older = merge(text, card(results="2"))
    assert "four" in older
    assert merge(older, card(results="2", energy="4")) == new(card(results="2", energy="4"))


def test_line_ends_of_another_system_stay():
    text = new(card()).replace("\n", "\r\n")
    done = merge(text, card(results="x\ny"))
    assert done == new(card(results="x\ny")).replace("\n", "\r\n")


def test_keys_people_added_or_changed_stay():
    text = new(card(front={"tags": ["exptrack"], "metrics": ["f1"]}))
    text = text.replace("metrics:\n- f1", "metrics: [f1, mine] # ours").replace(
        "# exptrack: license: which", "license: mit"
    )
    done = merge(text, card(front={"tags": ["exptrack", "churn"], "metrics": ["mse"]}))
    assert "metrics: [f1, mine] # ours\n" in done
    assert "license: mit\n" in done
    assert "- churn\n" in done


def test_a_filled_in_index_gets_the_new_runs_values():
    def front(value):
        metric = {"type": "accuracy", "value": value, "name": "val/acc"}
        return {"model-index": [{"name": "m", "results": [{"task": {"type": "other"}, "metrics": [metric]}]}]}

    text = new(card(front=front(0.9))).replace("type: other", "type: image-classification")
    done = merge(text, card("r2", front=front(0.95)))
    assert "type: image-classification" in done
    assert "value: 0.95" in done
    again = merge(done, card("r3", front=front(0.97)))
    assert "value: 0.97" in again
    by_hand = again.replace("value: 0.97", "value: 0.5")
    assert "value: 0.5" in merge(by_hand, card("r4", front=front(0.99)))


def test_what_was_edited_between_the_markers_is_not_overwritten_unseen():
    text = new(card()).replace("two", "two, and mine")
    with pytest.raises(ExptrackError, match="edited between the markers of results") as e:
        merge(text, card())
    assert (e.value.exit_code, "--force" in e.value.hint) == (1, True)
    assert merge(text, card(), is_forced=True) == new(card())


def test_a_part_that_was_never_noted_is_somebodys_own():
    text = new(card()) + "<!-- exptrack:begin energy -->\nmine\n<!-- exptrack:end energy -->\n"
    assert merge(text, card()) == text
    with pytest.raises(ExptrackError, match="edited between the markers of energy"):
        merge(text, card(energy="four"))


def test_blanks_at_the_ends_are_no_edit():
    text = new(card()).replace("two\n", "two  \n\n")
    assert merge(text, card()) == new(card())


END = "<!-- exptrack:end results -->"
BEGIN = "<!-- exptrack:begin results -->"


@pytest.mark.parametrize("is_forced", [False, True])
@pytest.mark.parametrize(
    ("old", "changed"),
    [
        (END, ""),
        (BEGIN, ""),
        (BEGIN, END),
        (END, BEGIN),
        (BEGIN, BEGIN + "\n" + BEGIN),
        (END, END + "\n" + BEGIN + "\n" + END),
        (END, "<!-- exptrack:end promotion -->"),
        (END, "<!-- exptrack:end results"),
        (END, "<!- exptrack:end results -->"),
        (BEGIN, "<!-- exptrack:begin -->"),
        ("<!-- exptrack:card", "<!-- exptrack:card {}-->\n<!-- exptrack:card"),
        ('{"version"', '{"version'),
        ('"blocks":{', '"blocks":[],"old":{'),
        ('"front":{', '"front":3,"old":{'),
        ('<!-- exptrack:card {"', '<!-- exptrack:card "'),
        ("---\ntags", "tags"),
        ("---\n\n<!--", "\n\n<!--"),
        ("tags:\n", "tags: [\n"),
        ('"kind":"model"', '"kind":"dataset"'),
    ],
)
def test_a_damaged_card_is_refused_and_never_mended_by_force(old, changed, is_forced):
    text = new(card())
    assert text.count(old) == 1
    with pytest.raises(ExptrackError) as e:
        merge(text.replace(old, changed), card(), is_forced=is_forced)
    assert e.value.exit_code == 2
    assert e.value.hint


@pytest.mark.parametrize("text", ["", "# Mine\n", "---\nlicense: mit\n---\n# Mine\n", "\0\x1b[2J"])
def test_a_file_that_is_no_card_is_not_touched(text):
    with pytest.raises(ExptrackError, match="not a card"):
        merge(text, card(), is_forced=True)


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=30), max_size=6)


@given(LINES, LINES)
def test_whatever_is_written_around_the_parts_survives(above, below):
    ours = ("exptrack:", "\n")
    above, below = (["x" if any(o in line for o in ours) else line for line in part] for part in (above, below))
    lines = new(card()).split("\n")
    at = lines.index("# Name")
    text = "\n".join([*lines[:at], *above, *lines[at:], *below])
    wanted = new(card("r2", summary="1")).split("\n")
    at = wanted.index("# Name")
    want = "\n".join([*wanted[:at], *above, *wanted[at:], *below])
    assert merge(text, card("r2", summary="1")).rstrip("\n") == want.rstrip("\n")
