"""The front matter: ours is brought up to date, everybody else's stays as it was written, comments included."""

from __future__ import annotations

import pytest
import yaml

from exptrack.actions.cards.front import digests, parse, split, updated, written
from exptrack.errors import ExptrackError

HINTS = (("license", "an identifier"), ("language", "as en"))
OLD = {"tags": ["exptrack"], "metrics": ["accuracy"], "model-index": [{"name": "a", "value": 1e-05}]}


def test_a_new_one():
    text = written(OLD, HINTS)
    assert yaml.safe_load(text) == OLD
    assert text.endswith("# exptrack: license: an identifier\n# exptrack: language: as en\n")
    assert written({}, ()) == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("---\na: 1\n---\nrest\n", ("a: 1\n", "rest\n")),
        ("\n\n---\na: 1\n---  \nrest", ("a: 1\n", "rest")),
        ("---\n---\n", ("", "")),
        ("---\na: '---'\n---", ("a: '---'\n", "")),
        ("a\n---\nb\n---\n", None),
        ("---\na: 1\n", None),
        ("", None),
    ],
)
def test_where_it_begins_and_ends(text, wanted):
    assert split(text) == wanted


def test_nothing_new_nothing_changed():
    text = written(OLD, HINTS)
    assert updated(text, OLD, digests(OLD), HINTS) == text


def test_what_people_wrote_stays_to_the_letter():
    text = (
        "# about us\n"
        "license:   mit   # we asked\n"
        "tags:\n- exptrack\n"
        "\n# the metrics\nmetrics: [f1,   accuracy]\n"
        "text: |\n  # no comment\n\n  two\n"
        "# the end\n"
    )
    done = updated(text, {"tags": ["new"], "metrics": ["mse"]}, digests(OLD), HINTS)
    assert done == text.replace("- exptrack\n", "- new\n") + "# exptrack: language: as en\n"


def test_ours_go_when_they_are_not_known_any_more_and_deleted_ones_stay_away():
    text = written({k: OLD[k] for k in ("tags", "metrics")}, ())
    done = updated(text, {"tags": ["exptrack"], "model-index": [], "co2": 1}, digests(OLD), ())
    assert parse(done) == {"tags": ["exptrack"], "co2": 1}


def test_a_hint_goes_when_its_key_is_there_and_is_never_doubled():
    text = written({}, HINTS).replace("# exptrack: license: an identifier", "license: mit")
    once = updated(text, {}, {}, HINTS)
    assert once == "license: mit\n# exptrack: language: as en\n"
    assert updated(once, {"language": ["en"]}, {}, HINTS) == "license: mit\nlanguage:\n- en\n"


@pytest.mark.parametrize("text", ["{a: 1, tags: [exptrack]}\n", "  a: 1\n  tags: [exptrack]\n"])
def test_styles_in_which_no_key_has_lines_of_its_own(text):
    assert parse(updated(text, {"tags": ["new"]}, digests(OLD), ())) == {"a": 1, "tags": ["new"]}


def test_dates_and_the_like_are_values_too():
    text = "when: 2026-11-22\n1: x\n"
    assert updated(text, {"b": 1}, {}, ()) == text + "b: 1\n"


@pytest.mark.parametrize(
    "text", ["a: [", "- a\n- b\n", "just text\n", "a: !!python/object:os.x {}\n", "[" * 5000], ids=range(5)
)
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(ExptrackError, match="front matter") as e:
        updated(text, OLD, {}, ())
    assert e.value.exit_code == 2
