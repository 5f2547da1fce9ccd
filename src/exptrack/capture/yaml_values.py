"""YAML as training programs mean it: YAML 1.1 by PyYAML's safe loader, with two differences.

`1e-4` is a number (YAML 1.2 says so, 1.1 wants `1.0e-4`), and a tag nobody knows (`!!python/tuple`, `!include x`) is
the plain value under it: nothing is built or opened.
"""

from __future__ import annotations

import re

import yaml

from exptrack.errors import ExptrackError
from exptrack.typed import Any


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$", re.A), list("-+.0123456789")
)


def _plain(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]  # the third and last kind of node


_Loader.add_multi_constructor("!", _plain)
_Loader.add_multi_constructor("tag:", _plain)


def read_documents(text: str, path: str) -> list[Any]:
    """Every document of a YAML text. Raises ExptrackError with the line."""
    try:
        return list(yaml.load_all(text, _Loader))  # a subclass of SafeLoader: no object is built
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ExptrackError(f"{path}{line}: {e.problem or e.context}", "it is not valid YAML") from e
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise ExptrackError(f"{path}: {e}", "it is not valid YAML") from e
