"""What is installed in one folder of sys.path, from the names of its metadata folders alone.

`NAME-VERSION.dist-info` (https://packaging.python.org/specifications/recording-installed-packages/), the older
`.egg-info` and `.egg`, and `direct_url.json` (PEP 610) for what did not come from an index. Names are normalised as
PEP 503 says, so that PyYAML, pyyaml and py-yaml are compared as one.
"""

from __future__ import annotations

import json
import os
import re

from exptrack.capture.redact import clean_url
from exptrack.typed import Any

_SUFFIXES = (".dist-info", ".egg-info", ".egg")


def list_packages(folder: str) -> tuple[dict[str, str], dict[str, str]]:
    """(name -> version, name -> where it came from) of one folder. Raises OSError when it cannot be listed."""
    packages: dict[str, str] = {}
    sources: dict[str, str] = {}
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.name.endswith(_SUFFIXES))
    for file in names:
        name, version = _parse(file)
        if not name or name.startswith("~"):  # pip renames to ~x what it could not remove
            continue
        path = os.path.join(folder, file)
        packages.setdefault(name, version or _version_inside(path))
        source = _source(path) if file.endswith(".dist-info") else None
        if source:
            sources.setdefault(name, source)
    return packages, sources


def _parse(file: str) -> tuple[str, str]:
    stem, _, suffix = file.rpartition(".")
    if suffix == "dist-info":
        name, _, version = stem.rpartition("-")
    else:
        name, _, rest = stem.partition("-")
        version = re.split(r"-py\d", rest, maxsplit=1)[0]  # 1.2-py3.11-linux-x86_64
        version = "" if re.fullmatch(r"py\d[\d.]*", rest) else version
    return re.sub(r"[-_.]+", "-", name).lower(), version.replace("_", "-")


def _version_inside(path: str) -> str:
    """Of an .egg-info without a version in its name: what setup.py develop leaves beside the sources."""
    file = os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path
    try:
        with open(file, encoding="utf-8", errors="replace") as f:
            for line in f:
                if line.startswith("Version:"):
                    return line[8:].strip()
                if not line.strip():
                    break
    except OSError:
        return ""
    return ""


def _source(path: str) -> str | None:
    """As pip would be told to install it again: `git+URL@COMMIT`, `-e file:///...`, an archive's URL."""
    try:
        with open(os.path.join(path, "direct_url.json"), "rb") as f:
            origin: Any = json.load(f)
        url = clean_url(str(origin["url"]))
        below = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
        if vcs := origin.get("vcs_info"):
            return f"{vcs['vcs']}+{url}@{vcs['commit_id']}{below}"
        is_editable = (origin.get("dir_info") or {}).get("editable")
        return ("-e " if is_editable else "") + url + below
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # nearly all come from an index and have no such file; a broken one names no source
