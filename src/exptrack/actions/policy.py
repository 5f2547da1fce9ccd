"""What is asked of a run before it starts: required tags, their values, the naming convention. Nothing runs when one is
unmet, unless the policy lets itself be passed by (`--no-policy REASON`) and the record says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from exptrack.actions.authors import git_author
from exptrack.config import Config
from exptrack.errors import ExptrackError, NotStarted
from exptrack.policy_keys import FROM_GIT

_EXAMPLES = {"-p": "NAME=VALUE, as -p lr=0.1", "--metric": "NAME=REGEX, as --metric 'loss=loss: ([0-9.]+)'"}


def parse_pairs(pairs: list[str] | tuple[str, ...], what: str, option: str) -> dict[str, str]:
    """['a=b', ...] -> mapping; ExptrackError (exit 125: nothing was started) for one without `=` or without a name."""
    out = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or any(c.isspace() for c in key.strip()):
            how = _EXAMPLES.get(option, f"NAME=VALUE, as {option} owner=vision")
            raise NotStarted(f"{pair!r} is not a {what}", f"write {option} {how}")
        out[key.strip()] = value
    return out


def tags_of(
    config: Config, given: Mapping[str, str], environment: Mapping[str, str], folder: str = "."
) -> dict[str, str]:
    """The policy file's defaults, then $EXPTRACK_TAGS ("a=b,c=d"), then `-t`; `project =` counts as the tag project.

    A default of "$git" is who git says is at work in `folder`; git is asked only when nothing else gives the tag."""
    listed = [p for p in environment.get("EXPTRACK_TAGS", "").split(",") if p.strip()]
    inherited = parse_pairs(listed, "tag in $EXPTRACK_TAGS", "EXPTRACK_TAGS with")
    tags = {**config.tags, **inherited, **given}
    if open_ := [t for t, v in config.tags.items() if v == FROM_GIT and t not in inherited and t not in given]:
        name = git_author(folder)
        for tag in open_:
            del tags[tag]
            if name is not None:
                tags[tag] = name
    if config.project and "project" not in tags:
        tags["project"] = config.project
    return tags


def check_start(config: Config, tags: Mapping[str, str], name: str | None) -> None:
    """Refuse (NotStarted, exit 125) with everything that is missing or not allowed and how to give it."""
    lacking = [t for t in config.required_tags if not tags.get(t, "").strip()]
    problems, advice = [], []
    if lacking:
        problems.append("required tag" + "s"[: len(lacking) > 1] + " missing: " + ", ".join(lacking))
        advice.append(" ".join(f"-t {_example(config, t)}" for t in lacking))
    for tag, (problem, nearest) in disallowed(config.allowed_tags, tags).items():
        problems.append(problem)
        advice.append(f"-t {tag}={nearest}" if nearest else f"-t {tag}=… of that form")
    if config.required_name is not None:
        if not name:
            problems.append("a name is required")
            advice.append("-n NAME")
        elif not re.search(config.required_name, name):
            problems.append(f"the name {name!r} does not match {config.required_name}")
            advice.append("-n with a name of that form")
    if problems:
        where = f" ({config.path})" if config.path else ""
        hint = "nothing was started; give " + " and ".join(advice)
        if any(config.tags.get(t) == FROM_GIT for t in lacking):
            hint += ", or tell git: git config user.email"
        raise NotStarted("; ".join(problems) + where, hint)


def _example(config: Config, tag: str) -> str:
    """`intent=baseline|release` where the values are few enough to be read at a glance."""
    values = config.allowed_tags.get(tag, "")
    is_short = isinstance(values, tuple) and sum(map(len, values)) < 60
    return f"{tag}={'|'.join(values)}" if values and is_short else f"{tag}=…"


def disallowed(
    allowed: Mapping[str, Sequence[str] | str], tags: Mapping[str, str]
) -> dict[str, tuple[str, str | None]]:
    """Tag -> (what is wrong with its value, the nearest allowed one). A list means its values, a text a regular
    expression (found anywhere, as for names); a tag without a value is missing, not wrong."""
    found: dict[str, tuple[str, str | None]] = {}
    for tag, rule in allowed.items():
        value = tags.get(tag, "")
        if not value.strip() or (re.search(rule, value) if isinstance(rule, str) else value in rule):
            continue
        if isinstance(rule, str):
            found[tag] = f"the tag {tag} is {value!r}, which does not match {rule}", None
            continue
        import difflib

        near = difflib.get_close_matches(value.casefold(), [v.casefold() for v in rule], 1, 0.6)
        nearest = next((v for v in rule if v.casefold() in near), None)
        asked = f" (did you mean {nearest}?)" if nearest else ""
        found[tag] = f"the tag {tag} is {value!r}, not one of {', '.join(rule) or 'none'}{asked}", nearest
    return found


def bypass(config: Config, reason: str | None) -> str | None:
    """The reason why this run passes the policy by; None when it does not. NotStarted when the policy forbids it."""
    if reason is None:
        return None
    if not config.is_bypass_allowed:
        where = config.path or "exptrack.toml"
        raise NotStarted(
            "the policy may not be passed by: --no-policy is refused",
            f"meet the policy (`exptrack policy explain`), or allow it in {where}: [require] bypass = true",
        )
    # `--no-policy -- COMMAND`: the reason that was forgotten is then the dashes.
    if not any(c.isalnum() for c in reason):
        raise NotStarted("--no-policy needs a reason", "write --no-policy 'trying whether it fits into memory'")
    return reason.strip()


def refuse(error: ExptrackError) -> NotStarted:
    """An error met before the start, as what it means for a run: nothing was started (exit 125)."""
    return error if isinstance(error, NotStarted) else NotStarted(error.message, error.hint)
