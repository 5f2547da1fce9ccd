"""What is asked before anything starts: all that is missing at once, and how to give it."""

from __future__ import annotations

import pytest

from exptrack.actions.policy import check_start, parse_pairs, refuse, tags_of
from exptrack.config import Config
from exptrack.errors import Damaged, ExptrackError, NotStarted

STRICT = Config(path="/p/exptrack.toml", required_tags=("project", "owner", "intent"), required_name="^[a-z-]+$")


def refused(config, tags, name):
    with pytest.raises(NotStarted) as e:
        check_start(config, tags, name)
    assert e.value.exit_code == 125
    return e.value


def test_pairs_keep_everything_behind_the_first_equals_sign():
    assert parse_pairs(["a=b=c", " k =v ", "empty=", "a=last"], "tag", "-t") == {"a": "last", "k": "v ", "empty": ""}


@pytest.mark.parametrize("pair", ["owner", "=vision", " =x", "", "a b=c", "a\tb=c"])
def test_a_malformed_pair_is_named_with_how_to_write_it(pair):
    with pytest.raises(NotStarted) as e:
        parse_pairs([pair], "tag", "-t")
    assert e.value.exit_code == 125
    assert repr(pair) in e.value.message
    assert "-t NAME=VALUE" in e.value.hint


def test_tags_come_from_file_then_environment_then_command_line():
    config = Config(tags={"a": "file", "b": "file", "c": "file"})
    environment = {"EXPTRACK_TAGS": "b=environment, c=environment,,"}
    assert tags_of(config, {"c": "line"}, environment) == {"a": "file", "b": "environment", "c": "line"}


def test_the_project_is_a_tag_unless_one_is_given():
    config = Config(project="churn")
    assert tags_of(config, {}, {}) == {"project": "churn"}
    assert tags_of(config, {"project": "x"}, {}) == {"project": "x"}
    assert tags_of(config, {}, {"EXPTRACK_TAGS": "project=y"}) == {"project": "y"}


def test_a_malformed_environment_says_where_it_came_from():
    with pytest.raises(NotStarted, match="EXPTRACK_TAGS"):
        tags_of(Config(), {}, {"EXPTRACK_TAGS": "a=b,c"})


def test_without_a_policy_nothing_is_asked():
    assert check_start(Config(), {}, None) is None


def test_what_is_given_is_enough():
    assert check_start(STRICT, {"project": "p", "owner": "o", "intent": "i"}, "a-name") is None


def test_everything_that_is_missing_is_said_at_once_with_how_to_give_it():
    error = refused(STRICT, {"owner": "  ", "project": "p"}, None)
    assert "required tags missing: owner, intent" in error.message
    assert "a name is required" in error.message
    assert "/p/exptrack.toml" in error.message
    assert "-t owner=… -t intent=…" in error.hint
    assert "-n NAME" in error.hint
    assert "nothing was started" in error.hint


def test_one_missing_tag_is_one():
    assert "required tag missing: intent" in refused(STRICT, {"project": "p", "owner": "o"}, "a").message


@pytest.mark.parametrize("name", ["A", "a b", "a1", ""])
def test_a_name_that_does_not_match_is_named_with_the_rule(name):
    error = refused(STRICT._replace(required_tags=()), {}, name)
    assert "^[a-z-]+$" in error.message or name == ""


def test_other_errors_before_the_start_mean_that_nothing_started():
    assert refuse(Damaged("what", "do")).exit_code == 125
    assert (refuse(Damaged("what", "do")).message, refuse(Damaged("what", "do")).hint) == ("what", "do")
    own = NotStarted("not found", "", 127)
    assert refuse(own) is own
    assert isinstance(refuse(ExptrackError("x")), NotStarted)
