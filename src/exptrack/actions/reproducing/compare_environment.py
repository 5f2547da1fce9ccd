"""Is this the environment a run was recorded in? By the version of Python and of every package that computes."""

from __future__ import annotations

from collections.abc import Mapping

from exptrack.model import Environment
from exptrack.typed import NamedTuple

OURS = "exptrack-run"
# What puts packages there, and the recorder itself: no training computes with them.
BYSTANDERS = frozenset((OURS, "pip", "uv"))


class Unlike(NamedTuple):
    """One difference of two environments. `name`: a package, or python; None: it is not there."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.name} {self.after} was not there then"
        return f"{self.name} {self.before} {'is missing' if self.after is None else f'→ {self.after}'}"


def differences(recorded: Environment, found: Environment) -> tuple[Unlike, ...]:
    """Python first, then packages by name. A command without Python has none."""
    if recorded.python is None:
        return ()
    out = [Unlike("python", recorded.python, found.python)] if recorded.python != found.python else []
    if recorded.implementation and found.implementation and recorded.implementation != found.implementation:
        out.append(Unlike("implementation", recorded.implementation, found.implementation))
    return (*out, *_packages(recorded.packages, found.packages))


def _packages(recorded: Mapping[str, str], found: Mapping[str, str]) -> list[Unlike]:
    names = sorted({*recorded, *found} - BYSTANDERS)
    return [Unlike(n, recorded.get(n), found.get(n)) for n in names if recorded.get(n) != found.get(n)]
