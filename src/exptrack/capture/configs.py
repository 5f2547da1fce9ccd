"""Parameters from configuration files: YAML, JSON and TOML, flattened with dots, typed, secrets redacted.

Nothing in a file is executed (unknown YAML tags are read as the plain value under them), and a file that is plainly
data (over a MiB, thousands of keys) is no configuration.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from exptrack.errors import ExptrackError
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.model import Scalar

SUFFIXES = (".yaml", ".yml", ".json", ".toml")
LARGEST = 1 << 20
MOST_PARAMETERS = 2000
_MOST_NODES = 100_000


def config_files_named(argv: Sequence[str], cwd: str) -> list[str]:
    """Files on the command line that look like configurations and can be opened, each once, in order: `x.yaml`,
    `--config x.yaml`, `--config=x.yaml`. Data sets by the same suffix (over a MiB) are not among them."""
    found: dict[str, None] = {}
    for arg in argv:
        for name in (arg, arg.partition("=")[2], arg.removeprefix("@")):
            if name.lower().endswith(SUFFIXES) and "\0" not in name:
                path = os.path.join(cwd, os.path.expanduser(name))
                if os.path.isfile(path) and os.path.getsize(path) <= LARGEST:
                    found[path] = None
    return list(found)


def from_config(path: str, allowed: Collection[str] = ()) -> dict[str, Scalar]:
    """The parameters of one file: {"model.layers": 4}. Lists are JSON text.

    Raises ExptrackError, naming file and line, for one that cannot be read or holds no table."""
    from exptrack.capture.redact import redact_scalar

    suffix = os.path.splitext(path)[1].lower()
    try:
        if os.path.getsize(path) > LARGEST:
            raise ExptrackError(f"{path} is larger than 1 MiB: no configuration", "name data with --in instead")
        with open(path, "rb") as f:
            data = f.read()
    except OSError as e:
        raise ExptrackError(f"cannot read {path}: {e.strerror}", "name a YAML, JSON or TOML file") from e
    tables = _tables(data, suffix, path)
    try:
        flat = {name: value for table in tables for name, value in _flatten(table, "", _Budget(path))}
    except RecursionError as e:
        raise ExptrackError(f"{path} is nested too deeply", "an alias may hold itself") from e
    if len(flat) > MOST_PARAMETERS:
        raise ExptrackError(f"{path} holds {len(flat)} values: no configuration", "name data with --in instead")
    return {name: redact_scalar(name, value, allowed) for name, value in flat.items()}


def _tables(data: bytes, suffix: str, path: str) -> list[dict[Any, Any]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise ExptrackError(f"{path}:{line}: not UTF-8", "save it as UTF-8") from e
    parsers = {".json": _json, ".toml": _toml, ".yaml": _yaml, ".yml": _yaml}
    if suffix not in parsers:
        raise ExptrackError(f"{path}: unknown kind of configuration", f"known are {', '.join(SUFFIXES)}")
    documents = parsers[suffix](text, path)
    tables = [d for d in documents if isinstance(d, dict)]
    if len(tables) < len([d for d in documents if d is not None]):
        raise ExptrackError(f"{path} holds no table of parameters", "write NAME: VALUE lines")
    return tables


def _json(text: str, path: str) -> list[Any]:
    import json

    try:
        return [json.loads(text)]
    except json.JSONDecodeError as e:
        raise ExptrackError(f"{path}:{e.lineno}: {e.msg}", "it is not valid JSON") from e
    except (RecursionError, ValueError) as e:
        raise ExptrackError(f"{path}: {e}", "it is nested too deeply or holds too long a number") from e


def _toml(text: str, path: str) -> list[Any]:
    import tomllib

    try:
        return [tomllib.loads(text)]
    except (ValueError, RecursionError) as e:  # TOMLDecodeError says "(at line 3, column 5)"
        raise ExptrackError(f"{path}: {e}", "it is not valid TOML") from e


def _yaml(text: str, path: str) -> list[Any]:
    try:
        from exptrack.capture.yaml_values import read_documents
    except ImportError as e:
        raise ExptrackError(f"{path}: PyYAML is not installed", "pip install pyyaml") from e
    return read_documents(text, path)


class _Budget:
    """How many values one file may unfold to: YAML aliases can make a gigabyte of forty lines."""

    def __init__(self, path: str) -> None:
        self.path, self.left = path, _MOST_NODES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ExptrackError(f"{self.path} unfolds to more than {_MOST_NODES} values", "name data with --in instead")


def _flatten(value: Any, name: str, budget: _Budget) -> Iterator[tuple[str, Scalar]]:
    budget.spend()
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(inner, f"{name}.{key}" if name else str(key), budget)
    else:
        yield name, _scalar(value, budget)


def _scalar(value: Any, budget: _Budget) -> Scalar:
    """JSON keeps it: dates are ISO text, lists JSON text, and so is what no JSON number can say."""
    import json

    if isinstance(value, float) and (value != value or abs(value) == float("inf")):  # NaN is not itself
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return (
        json.dumps(_plain(value, budget), ensure_ascii=False) if isinstance(value, list | tuple | set) else str(value)
    )


def _plain(value: Any, budget: _Budget) -> Any:
    budget.spend()
    if isinstance(value, dict):
        return {str(k): _plain(v, budget) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(v, budget) for v in value]
    return _scalar(value, budget)
