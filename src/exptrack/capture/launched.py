"""The world a launcher on the command line is asked for: `exptrack run -- torchrun --nproc-per-node 8 train.py`.

Only what stands there in numbers; `gpu`, `auto`, `1:4` and config files of a launcher say nothing here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from exptrack.capture.commands import base_of

# launcher: (processes a node, nodes, processes in all); the names by which each is asked for.
_PER_NODE = ("--nproc-per-node", "--nproc_per_node")
_TORCHRUN = (_PER_NODE, ("--nnodes",), ())
_MPI = ((), (), ("-n", "-np"))
_LAUNCHERS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "torchrun": _TORCHRUN,
    "torch.distributed.run": _TORCHRUN,
    "torch.distributed.launch": _TORCHRUN,
    "accelerate": ((), ("--num-machines", "--num_machines"), ("--num-processes", "--num_processes")),
    "deepspeed": (("--num_gpus", "--num_accelerators"), ("--num_nodes",), ()),
    "mpirun": _MPI,
    "mpiexec": _MPI,
    "horovodrun": ((), (), ("-np", "--num-proc")),
    "srun": (("--ntasks-per-node",), ("-N", "--nodes"), ("-n", "--ntasks")),
}
_NAMES = {"torch.distributed.run": "torchrun", "torch.distributed.launch": "torchrun", "mpiexec": "mpirun"}


def asked_world(argv: Sequence[str]) -> dict[str, str]:
    """launcher, world_size, local_world_size, nodes; empty without a launcher, or when it is asked for no numbers."""
    at = next((i for i, word in enumerate(argv) if base_of(word) in _LAUNCHERS), None)
    if at is None:
        return {}
    name = base_of(argv[at])
    words = _own_words(argv[at + 1 :])
    per_node, nodes, total = (_number(words, names) for names in _LAUNCHERS[name])
    if total is None and per_node is not None:
        # srun's default is every node of the allocation around it.
        is_one_node = name != "srun" and not any(word.partition("=")[0] in _LAUNCHERS[name][1] for word in words)
        total = per_node if is_one_node else per_node * nodes if nodes is not None else None
    sizes = {"world_size": total, "local_world_size": per_node, "nodes": nodes}
    facts = {fact: str(number) for fact, number in sizes.items() if number}
    return {"launcher": _NAMES.get(name, name), **facts} if facts else {}


def _own_words(words: Sequence[str]) -> list[str]:
    """Up to the program, whose own `-n` is none of the launcher's."""
    own: list[str] = []
    for word in words:
        if word.endswith(".py") or word == "--" or os.path.basename(word).startswith("python"):
            break
        own.append(word)
    return own


def _number(words: Sequence[str], names: Sequence[str]) -> int | None:
    """The value of the first option that is called so; None when it is no number. `-n4` is how srun is mostly asked."""
    for i, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return _count(value if equals else next(iter(words[i + 1 : i + 2]), ""))
        if word[:2] in names and (count := _count(word[2:])) is not None:
            return count
    return None


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
