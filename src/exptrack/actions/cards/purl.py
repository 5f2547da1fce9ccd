"""Package URLs of what was installed (github.com/package-url/purl-spec, type `pypi`).

A package that did not come from an index says so: `vcs_url` and `download_url` are the spec's qualifiers for it; one
from a folder of the machine is `generic`, since the index may know another package by its name.
"""

from __future__ import annotations

import re
from urllib.parse import quote

ESCAPED = "backslashreplace"  # a name that is no UTF-8 has lone surrogates (PEP 383)
_VCS = re.compile(r"(git|hg|svn|bzr)\+")


def package_url(name: str, version: str, source: str | None) -> str:
    """`source` as model.Environment has it: None for an index, else `git+URL@COMMIT`, an archive's URL, or a path."""
    at = f"@{quote(version, safe='', errors=ESCAPED)}" if version else ""
    kind, qualifier = "pypi", ""
    if source and _VCS.match(source):
        qualifier = f"?vcs_url={quote(source, safe=':/', errors=ESCAPED)}"
    elif source and re.match(r"https?://", source):
        qualifier = f"?download_url={quote(source, safe=':/', errors=ESCAPED)}"
    elif source:
        kind = "generic"
    return f"pkg:{kind}/{quote(name, safe='', errors=ESCAPED)}{at}{qualifier}"
