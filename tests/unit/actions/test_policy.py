"""What is asked before anything starts: all that is missing at once, and how to give it."""

from __future__ import annotations

import pytest

from code_folder import repository
from exptrack.actions.authors import git_author
from exptrack.actions.policy import bypass, check_start, disallowed, parse_pairs, refuse, tags_of
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


ALLOWED = {"intent": ("baseline", "ablation", "Release"), "owner": "^[a-z.]+$"}


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"intent": "", "owner": " "},
        {"intent": "ablation", "owner": "ada.l"},
        {"other": "anything"},
    ],
)
def test_allowed_values(tags):
    assert disallowed(ALLOWED, tags) == {}


@pytest.mark.parametrize(
    ("value", "nearest"), [("basline", "baseline"), ("BASELINE", "baseline"), ("release", "Release"), ("xyz", None)]
)
def test_the_nearest_allowed_value_is_named(value, nearest):
    (problem, found) = disallowed(ALLOWED, {"intent": value})["intent"]
    assert found == nearest
    assert problem.startswith(f"the tag intent is {value!r}, not one of baseline, ablation, Release")
    assert ("did you mean" in problem) is (nearest is not None)


def test_a_pattern_is_named():
    assert disallowed(ALLOWED, {"owner": "Ada"}) == {
        "owner": ("the tag owner is 'Ada', which does not match ^[a-z.]+$", None)
    }


def test_a_value_that_is_not_allowed_is_refused_before_the_start():
    config = Config(path="/p/exptrack.toml", required_tags=("intent",), allowed_tags=ALLOWED)
    error = refused(config, {"intent": "basline", "owner": "Ada"}, None)
    assert "did you mean baseline?" in error.message
    assert "does not match ^[a-z.]+$ (/p/exptrack.toml)" in error.message
    assert error.hint == "nothing was started; give -t intent=baseline and -t owner=… of that form"
    assert "-t intent=baseline|ablation|Release" in refused(config, {}, None).hint
    check_start(config, {"intent": "ablation"}, None)


GIT = Config(tags={"owner": "$git", "team": "vision"})


@pytest.fixture
def nobody(monkeypatch):
    """Without what the tests give git for its commits."""
    for name in ("GIT_AUTHOR_EMAIL", "GIT_AUTHOR_NAME"):
        monkeypatch.delenv(name)


def test_an_owner_from_git(tmp_path, nobody):
    repository(tmp_path)
    folder = str(tmp_path)
    (tmp_path / ".git" / "config").write_text("[user]\n\tname = Ada L\n\temail = Ada.L@example.invalid\n")
    assert tags_of(GIT, {}, {}, folder) == {"owner": "ada.l", "team": "vision"}
    assert tags_of(GIT, {"owner": "bob"}, {}, folder)["owner"] == "bob"
    assert tags_of(GIT, {}, {"EXPTRACK_TAGS": "owner=eve"}, folder)["owner"] == "eve"
    # What somebody writes himself is what it says.
    assert tags_of(GIT, {"owner": "$git"}, {}, folder)["owner"] == "$git"
    (tmp_path / ".git" / "config").write_text("[user]\n\tname = Ada L\n")
    assert git_author(folder) == "Ada L"


def test_without_an_identity_there_is_no_owner(tmp_path, nobody, monkeypatch):
    assert tags_of(GIT, {}, {}, str(tmp_path)) == {"team": "vision"}
    config = GIT._replace(required_tags=("owner",))
    assert refused(config, {}, None).hint == "nothing was started; give -t owner=…, or tell git: git config user.email"
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ci@example.invalid")
    assert git_author(str(tmp_path)) == "ci"
    monkeypatch.delenv("GIT_AUTHOR_EMAIL")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_author(str(tmp_path)) is None


def test_git_is_asked_only_where_it_is_needed(monkeypatch, tmp_path):
    monkeypatch.setattr("exptrack.actions.policy.git_author", lambda folder: pytest.fail("git was asked"))
    assert tags_of(GIT, {"owner": "bob"}, {}, str(tmp_path))["owner"] == "bob"
    assert tags_of(Config(tags={"owner": "vision"}), {}, {}, str(tmp_path)) == {"owner": "vision"}


def test_the_policy_is_passed_by_only_where_it_allows_it_and_for_a_reason():
    assert bypass(Config(), None) is None
    open_ = Config(is_bypass_allowed=True)
    assert bypass(open_, " trying ") == "trying"
    for config, reason, words in ((Config(), "trying", "[require] bypass = true"), (open_, "--", "--no-policy '")):
        with pytest.raises(NotStarted) as e:
            bypass(config, reason)
        assert e.value.exit_code == 125
        assert words in e.value.hint


@pytest.mark.parametrize(("option", "example"), [("-p", "-p lr=0.1"), ("-t", "-t owner=vision"), ("--metric", "REGEX")])
def test_a_pair_without_an_equals_sign_gets_an_example_of_its_kind(option, example):
    with pytest.raises(NotStarted) as e:
        parse_pairs(["lr"], "parameter", option)
    assert example in e.value.hint
