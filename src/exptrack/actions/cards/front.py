"""The YAML between the `---` lines of a card, brought up to date without touching what people wrote in it.

A key is ours when its value still has the digest the card noted for it; any other key keeps its text as it stands,
comments included. The delimiters are those of the Hub (REGEX_YAML_BLOCK of huggingface_hub).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from exptrack.errors import ExptrackError
from exptrack.typed import Any, NamedTuple

# A comment of ours: what is to be filled in. It goes once the key is there.
HINT = "# exptrack: "
_DELIMITED = re.compile(r"\s*---\n(.*?\n|)---[ \t]*(?:\n|\Z)", re.S)


class _Entry(NamedTuple):
    """A top-level key with its text: the comments above it (`lead`) and its own lines."""

    key: str
    lead: str
    text: str


def split(text: str) -> tuple[str, str] | None:
    """A card (newlines as \\n) -> its YAML and what follows; None when it does not begin with any."""
    m = _DELIMITED.match(text)
    return (m[1], text[m.end() :]) if m else None


def parse(text: str) -> dict[str, Any]:
    """The values of a front matter; ExptrackError (exit 2) when it is no mapping of YAML."""
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        said = " ".join(str(e).split())
        raise ExptrackError(f"the front matter is not YAML: {said:.200}", "mend it, or write to another file") from e
    if not isinstance(value, dict | None):
        raise ExptrackError("the front matter is no mapping of keys", "mend it, or write to another file")
    return {str(k): v for k, v in (value or {}).items()}


def digests(front: Mapping[str, Any]) -> dict[str, str]:
    """Key -> a digest of its value, as a reader of the YAML will get it."""
    return {key: _digest(value) for key, value in parse(_dump(front)).items()}


def written(front: Mapping[str, Any], to_fill: Sequence[tuple[str, str]]) -> str:
    """YAML of a new card; `to_fill`: (key, what belongs there), as comments."""
    return _dump(front) + _hints(to_fill, front)


def updated(text: str, front: Mapping[str, Any], noted: Mapping[str, str], to_fill: Sequence[tuple[str, str]]) -> str:
    """Existing YAML with our keys as in `front`. `noted`: digests of what the card said before: a key that has another
    value now, or is gone, was changed by somebody, and stays so."""
    now = parse(text)
    out = []
    for entry in _entries(text):
        is_ours = noted.get(entry.key) == _digest(now.get(entry.key))
        if not is_ours or (entry.key in front and noted[entry.key] == digests(front)[entry.key]):
            out.append(entry.lead + entry.text)
        elif entry.key in front:
            out.append(entry.lead + _dump({entry.key: front[entry.key]}))
        else:
            out.append(entry.lead)
    added = {k: v for k, v in front.items() if k not in now and k not in noted}
    return "".join(out) + _dump(added) + _hints(to_fill, {**now, **added})


def _hints(to_fill: Sequence[tuple[str, str]], known: Mapping[str, Any]) -> str:
    return "".join(f"{HINT}{key}: {what}\n" for key, what in to_fill if key not in known)


def _entries(text: str) -> list[_Entry]:
    """The text cut at its top-level keys, without our hints. Flow style and indented mappings are written anew: nobody
    could exchange one key's lines in them."""
    import yaml

    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(HINT)]
    root = yaml.compose("".join(lines), yaml.SafeLoader)
    if root is None:
        return [_Entry("", "".join(lines), "")] if lines else []
    if not isinstance(root, yaml.MappingNode) or root.flow_style or root.start_mark.column:
        return [_Entry(k, "", _dump({k: v})) for k, v in parse("".join(lines)).items()]
    keys = [(str(k.value), k.start_mark.line) for k, _ in root.value]
    found, begin = [], 0
    for i, (key, line) in enumerate(keys):
        end = keys[i + 1][1] if i + 1 < len(keys) else len(lines)
        while i + 1 < len(keys) and end > line + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
            end -= 1
        found.append(_Entry(key, "".join(lines[begin:line]), "".join(lines[line:end])))
        begin = end
    return found


def _dump(front: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(front), sort_keys=False, allow_unicode=True, width=120) if front else ""


def _digest(value: Any) -> str:
    # str: dates and other things YAML knows and JSON does not.
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]
