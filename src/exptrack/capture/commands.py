"""What a command line runs: through env, srun, uv run, torchrun, python -m and their like to the program itself.

Which options of a launcher take a word is in its own help text; one nobody listed here is taken for a switch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from exptrack.typed import NamedTuple


class Program(NamedTuple):
    """`words`: the command that counts, launchers taken off. `arguments`: what the program itself is given.
    `kind`: python (an interpreter), script (anything found on PATH), shell (bash -c or a shell script).
    `variables`: set by `env A=b` on the way. `runners`: what was taken off and chooses the interpreter (`uv run`)."""

    kind: str
    words: tuple[str, ...]
    arguments: tuple[str, ...]
    variables: dict[str, str]
    runners: tuple[tuple[str, ...], ...]


SHELLS = frozenset(("bash", "sh", "zsh", "dash", "ksh", "fish"))

# Options that take the next word, for programs that run another one.
_WRAPPERS = {
    "env": "-u --unset -C --chdir",
    "nice": "-n --adjustment",
    "ionice": "-c -n -p",
    "time": "-f -o --format --output",
    "timeout": "-s --signal -k --kill-after",
    "nohup": "",
    "setsid": "",
    "stdbuf": "-i -o -e",
    "taskset": "",
    "chrt": "",
    "numactl": "-N -m -C -i -p",
    "sudo": "-u -g -h -p -C -r -t",
    "caffeinate": "-t -w",
    "unbuffer": "",
    "xvfb-run": "-n -s -e -f -p -w --server-args --server-num",
    "strace": "-e -o -p -s -u",
    "srun": "-n -N -c -p -t -A -J -G -w -x -o -e -i -m -q -C -D -d -T --ntasks --nodes --cpus-per-task --partition "
    "--time --account --job-name --gpus --nodelist --output --error --mem --gres --qos --constraint --chdir "
    "--ntasks-per-node --gpus-per-node --gpus-per-task --cpu-bind --mpi --container-image --container-mounts --jobid",
    "mpirun": "-n -np -c -N -H -host --host -hostfile --hostfile -machinefile -x -wdir --map-by --bind-to -bind-to "
    "-map-by --oversubscribe-count -ppn -env",
    "mpiexec": "-n -np -c -N -H -host --host -hostfile --hostfile -x -wdir --map-by --bind-to -ppn",
    "horovodrun": "-np --num-proc -H --hosts -hostfile --hostfile -p --ssh-port",
}
_KEYWORDS = frozenset(("do", "then", "else", "exec", "command", "eval", "if", "while", "until", "!", "{"))
_CLUSTER_WRAPPERS = ("srun", "mpirun", "mpiexec", "horovodrun")
# MPI's own names for what `mpirun` and `mpiexec` are links to; Debian has both implementations side by side.
_MPI_NAMES = {"orterun": "mpirun", "prterun": "mpirun"}
_MPI_ENDINGS = (".openmpi", ".mpich", ".hydra")
# Two words that run a third one, in an environment of their own choice.
_RUNNERS = {
    ("uv", "run"): "--with --with-editable --with-requirements --extra --group --only-group --no-group --python -p "
    "--project --directory --package --env-file --index --index-url --cache-dir --config-file",
    ("poetry", "run"): "-C --directory -P --project",
    ("pdm", "run"): "-p --project --venv",
    ("pipenv", "run"): "",
    ("hatch", "run"): "-e --env",
    ("rye", "run"): "-p --pyproject",
    ("pixi", "run"): "-e --environment --manifest-path",
    ("conda", "run"): "-n --name -p --prefix --cwd",
    ("mamba", "run"): "-n --name -p --prefix --cwd",
    ("micromamba", "run"): "-n --name -p --prefix --cwd",
}
# Programs whose own options are none of the training's: only what stands behind the first script or module counts.
_LAUNCHERS = frozenset(
    (
        *(
            "torchrun",
            "accelerate",
            "deepspeed",
            "composer",
            "colossalai",
            "lightning",
            "fabric",
            "coverage",
            "ipython",
        ),
        *("docker", "podman", "nerdctl", "singularity", "apptainer", "kubectl", "ray", "sbatch", "ssh"),
    )
)
_LAUNCHER_MODULES = frozenset(
    (
        *("torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch", "coverage", "debugpy"),
        *("accelerate.commands.accelerate_cli", "deepspeed.launcher.runner", "cProfile", "profile", "trace", "pdb"),
    )
)


def is_python(word: str) -> bool:
    """python, python3.11, pypy3, /opt/x/bin/python and the like."""
    base = os.path.basename(word)
    return base.rstrip("0123456789.").rstrip("w") in ("python", "pypy")


def base_of(word: str) -> str:
    """The name a program is known by: mpirun for mpirun.openmpi, orterun and /opt/mpi/bin/mpirun."""
    base = os.path.basename(word)
    for ending in _MPI_ENDINGS:
        base = base.removesuffix(ending)
    return _MPI_NAMES.get(base, base)


def find_program(argv: Sequence[str]) -> Program:
    """Take the launchers off. Never raises: what it does not understand is the program itself."""
    words = list(argv)
    variables: dict[str, str] = {}
    runners: list[tuple[str, ...]] = []
    while words:
        length = _prefix_length(words, variables)
        if length == 0 or length >= len(words):
            break
        if (os.path.basename(words[0]), words[1]) in _RUNNERS:
            runners.append(tuple(words[:length]))
        words = words[length:]
    kind, arguments = _arguments(words)
    return Program(kind, tuple(words), tuple(arguments), variables, tuple(runners))


def shell_text(words: Sequence[str]) -> str | None:
    """The text behind `bash -c`, `sh -lc`; None when the shell runs a file."""
    for at, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return words[at + 1] if at + 1 < len(words) else None
        if not word.startswith(("-", "+")):
            return None
    return None


def shell_file(words: Sequence[str]) -> str | None:
    """The file that `bash -e train.sh 1 2` runs; None when there is none."""
    at = _skip_options(words, 1, ("-o", "-O", "+o", "--rcfile", "--init-file"))
    return words[at] if at < len(words) and shell_text(words) is None else None


def shell_commands(text: str) -> list[list[str]]:
    """The simple commands of a shell text, in order, unexpanded. What is no simple command (loops, here-documents)
    comes out as words all the same: good enough to look for a python in it, and nothing is run from it."""
    import shlex

    commands: list[list[str]] = [[]]
    for line in text.replace("\\\n", " ").split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        try:
            for word in lexer:
                if word.strip("();|&"):
                    commands[-1].append(word)
                else:
                    commands.append([])
        except ValueError:
            commands[-1].extend(line.split())  # an open quote: part of a text of several lines
        commands.append([])
    simple = [_simple(c) for c in commands if c]
    return [c for c in simple if c]


def training_command(text: str) -> list[str] | None:
    """The command of a shell text that trains: the first that runs a python, a script or a launcher; else the only
    one there is. `cd x && source venv/bin/activate && python train.py` is `python train.py`."""
    commands = shell_commands(text)
    for command in commands:
        words = find_program(command).words
        if words and is_known_program(words[0]):
            return command
    return commands[0] if len(commands) == 1 else None


def _simple(command: list[str]) -> list[str]:
    """Without the keywords in front; `A=b python x` as `env A=b python x`, which is how a shell runs it."""
    while command and command[0] in _KEYWORDS:
        command = command[1:]
    is_assigned = bool(command) and "=" in command[0] and command[0].partition("=")[0].isidentifier()
    return ["env", *command] if is_assigned and len(command) > 1 else command


def _prefix_length(words: list[str], variables: dict[str, str]) -> int:
    """How many words in front only say how to run the rest; 0 when the first word is the program."""
    base = base_of(words[0])
    runner = _RUNNERS.get((base, words[1])) if len(words) > 1 else None
    if runner is not None:
        return _skip_options(words, 2, runner.split())
    if base not in _WRAPPERS:
        return 0
    at = _skip_options(words, 1, _WRAPPERS[base].split())
    if base == "env":
        while at < len(words) and "=" in words[at]:
            name, _, variables[name] = words[at].partition("=")
            at += 1
    elif base in ("timeout", "taskset", "chrt"):
        at += 1  # the duration, the mask, the priority
    elif base in _CLUSTER_WRAPPERS:
        known = [i for i in range(at, len(words)) if is_known_program(words[i])]
        at = known[0] if known else at  # past the values of options nobody listed
    return at


def is_known_program(word: str) -> bool:
    """A Python, a shell, a script by its suffix, or a launcher of one."""
    base = base_of(word)
    return is_python(base) or base in SHELLS or base in _LAUNCHERS or base in _WRAPPERS or base.endswith((".py", ".sh"))


def _skip_options(words: Sequence[str], at: int, with_value: Sequence[str]) -> int:
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        if words[at] == "--":
            return at + 1
        at += 2 if words[at] in with_value else 1
    return at


def _arguments(words: list[str]) -> tuple[str, list[str]]:
    if not words:
        return "script", []
    base = os.path.basename(words[0])
    if base in SHELLS:
        file = shell_file(words)
        return "shell", words[words.index(file) + 1 :] if file else []
    if is_python(base):
        return "python", _python_arguments(words)
    return "script", _after_program(words[1:]) if base in _LAUNCHERS else words[1:]


def _python_arguments(words: list[str]) -> list[str]:
    """Behind the script, the -c text or the module; https://docs.python.org/3/using/cmdline.html"""
    at = 1
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        word, following = words[at], words[at + 1 :]
        if word.startswith("--"):
            at += 2 if word == "--check-hash-based-pycs" else 1
            continue
        letters = word[1:]
        stop = min((letters.find(x) for x in "cmWX" if x in letters), default=-1)
        attached = letters[stop + 1 :] if stop >= 0 else ""
        if stop >= 0 and letters[stop] in "cm":
            rest = following if attached else following[1:]
            module = attached or "".join(following[:1])
            return _after_program(rest) if letters[stop] == "m" and module in _LAUNCHER_MODULES else rest
        at += 2 if stop >= 0 and not attached else 1
    return words[at + 1 :]


def _after_program(words: list[str]) -> list[str]:
    """Behind the first script or module among a launcher's words; nothing when there is none to be seen."""
    for at, word in enumerate(words):
        if word in ("-m", "--module"):
            return words[at + 2 :]
        if is_python(word):
            return _python_arguments(words[at:])
        if word.endswith((".py", ".pyc", ".ipynb", ".sh")) and not word.startswith("-"):
            return words[at + 1 :]
    return []
