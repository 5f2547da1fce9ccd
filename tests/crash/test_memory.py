"""Memory runs out: for the recorder at every step of a run, and for all of exptrack from the beginning."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from crash.scene import ENDING, RECORDED, UNTIL_TOLD, Scene, step_of, watch


def used(pid: int) -> int:
    """Bytes of address space."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


# Prints so much that the recorder cannot do without more memory.
TALKS = UNTIL_TOLD.replace("time.sleep(0.01)", 'print("word " * 2000, flush=True)\n    time.sleep(0.01)')


@pytest.mark.parametrize("more", [0, 16 << 20])
@pytest.mark.parametrize("step", [*RECORDED, *ENDING])
def test_a_recorder_that_gets_no_more_memory(scene: Scene, step: str, more: int) -> None:
    victim = scene.start(TALKS, "-q", "-o", "model=model.bin")
    if step in ENDING:
        scene.wait_for_file("captured.json", '"inputs"')
        scene.wait_for_file("stdout.log", "step=3 ")
        (scene.folder / "go").touch()
    watch(step_of(scene, step), victim)
    recorder = victim.crowd().recorder
    try:
        limit = used(recorder or 0) + more
        resource.prlimit(recorder or 0, resource.RLIMIT_AS, (limit, limit))
    except (FileNotFoundError, ProcessLookupError):
        assert step in ENDING  # too quick to be met
    (scene.folder / "go").touch()
    code = victim.wait()
    victim.wait_for_all()
    assert code == 0, victim.said.read_text()
    (run,) = scene.check().values()
    assert (run.status, run.manifest.exit_code) == ("finished", 0)
    assert scene.log(run) == victim.seen.read_bytes()
    assert [a.path for a in run.manifest.artifacts] == ["model.bin"]


# The training has all the memory it wants: only what is ours lives within the limit.
LIMITED = (
    "import resource, sys; from exptrack.record import spawn;"
    "from exptrack.__main__ import main; sys.argv[:1] = ['exptrack', 'run'];"
    "now = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
    "resource.setrlimit(resource.RLIMIT_AS, (now + {more}, resource.RLIM_INFINITY)); sys.exit(main())"
)


@pytest.mark.parametrize("mebibytes", [0, 4, 16, 32])
def test_little_memory_from_the_beginning(scene: Scene, mebibytes: int) -> None:
    """Either nothing was started, or the training ends as it would have and there is a record of it."""
    limited = [sys.executable, "-c", LIMITED.format(more=mebibytes << 20)]
    (scene.folder / "go").touch()
    program = "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\n" + UNTIL_TOLD
    victim = scene.start(program, "-q", "-o", "model=model.bin", before=limited)
    code = victim.wait()
    victim.wait_for_all()
    runs = scene.check()
    if not (scene.folder / "pid").exists():
        assert code not in (0, None)
        assert not runs
        return
    assert code == 0, victim.said.read_text()
    (run,) = runs.values()
    assert run.status == "finished"
    assert scene.log(run) == victim.seen.read_bytes()
