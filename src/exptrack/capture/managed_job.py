"""Parameters and inputs that a managed training job (SageMaker, Vertex) gives a run beside its command line.

Data that is fetched over the network when it is read gets no digest: to read it all would cost what the training costs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from exptrack.capture import sagemaker, vertex
from exptrack.capture.redact import mask_text, redact_mapping
from exptrack.model import Declared, Input, Scalar

_NO_DIGEST = "input {}: no digest"


def job_parameters(env: Mapping[str, str], allowed: Collection[str] = ()) -> dict[str, Scalar]:
    """Typed and without secrets. They stand below the command line, on which most jobs repeat them."""
    return redact_mapping({**vertex.parameters(env), **sagemaker.hyperparameters(env)}, allowed)


def job_inputs(env: Mapping[str, str], declared: Sequence[Declared]) -> tuple[list[Declared], list[Input], list[str]]:
    """(to be read like declared ones, known by name and place only, warnings). A name or place the user declared
    himself is left to him."""
    names, places = {d.label for d in declared}, {d.pattern for d in declared}
    found, unread, warnings = [], [], []
    for channel in sagemaker.channels(env):
        if channel.name in names or channel.path in places:
            continue
        if channel.is_on_disk:
            found.append(Declared(label=channel.name, pattern=channel.path))
        else:
            unread.append(_unread(channel.name, channel.path))
            warnings.append(_why(channel.name, f"it comes in {channel.mode} mode", channel.path))
    for name, uri in vertex.data(env).items():
        if name not in names and uri not in places:
            unread.append(_unread(name, mask_text(uri)))
            warnings.append(_why(name, "it lies in the cloud", "PATH"))
    return found, unread, warnings


def is_only_named(given: Input, warnings: Sequence[str]) -> bool:
    """Has this input of a run no digest since its data is fetched when it is read?"""
    return given.digest is None and any(w.startswith(_NO_DIGEST.format(given.name)) for w in warnings)


def _unread(name: str, path: str) -> Input:
    return Input(name=name, path=path, digest=None, size=0, files=0)


def _why(name: str, reason: str, path: str) -> str:
    return f"{_NO_DIGEST.format(name)}, {reason}; with -i {name}={path} it is read all the same"
