"""What is asked of a run before it starts: required tags and the naming convention. Nothing runs when one is unmet."""

from __future__ import annotations

import re
from collections.abc import Mapping

from exptrack.config import Config
from exptrack.errors import ExptrackError, NotStarted


def parse_pairs(pairs: list[str] | tuple[str, ...], what: str, option: str) -> dict[str, str]:
    """['a=b', ...] -> mapping; ExptrackError (exit 125: nothing was started) for one without `=` or without a name."""
    out = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or any(c.isspace() for c in key.strip()):
            raise NotStarted(f"{pair!r} is not a {what}", f"write {option} NAME=VALUE, as {option} owner=vision")
        out[key.strip()] = value
    return out


def tags_of(config: Config, given: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The policy file's defaults, then $EXPTRACK_TAGS ("a=b,c=d"), then `-t`; `project =` counts as the tag project."""
    listed = [p for p in environment.get("EXPTRACK_TAGS", "").split(",") if p.strip()]
    inherited = parse_pairs(listed, "tag in $EXPTRACK_TAGS", "EXPTRACK_TAGS with")
    tags = {**config.tags, **inherited, **given}
    if config.project and "project" not in tags:
        tags["project"] = config.project
    return tags


def check_start(config: Config, tags: Mapping[str, str], name: str | None) -> None:
    """Refuse (NotStarted, exit 125) with everything that is missing and how to give it."""
    lacking = [t for t in config.required_tags if not tags.get(t, "").strip()]
    problems, advice = [], []
    if lacking:
        problems.append("required tag" + "s"[: len(lacking) > 1] + " missing: " + ", ".join(lacking))
        advice.append(" ".join(f"-t {t}=…" for t in lacking))
    if config.required_name is not None:
        if not name:
            problems.append("a name is required")
            advice.append("-n NAME")
        elif not re.search(config.required_name, name):
            problems.append(f"the name {name!r} does not match {config.required_name}")
            advice.append("-n with a name of that form")
    if problems:
        where = f" ({config.path})" if config.path else ""
        raise NotStarted("; ".join(problems) + where, "nothing was started; give " + " and ".join(advice))


def refuse(error: ExptrackError) -> NotStarted:
    """An error met before the start, as what it means for a run: nothing was started (exit 125)."""
    return error if isinstance(error, NotStarted) else NotStarted(error.message, error.hint)
