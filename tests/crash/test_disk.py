"""The store's disk is full, read-only, gone or closed during a run: the training never notices, nothing half-written is
named, and what could not be stored is stored when there is room again."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.scene import (
    BEFORE_START,
    ENDING,
    RECORDED,
    UNTIL_TOLD,
    Scene,
    Victim,
    check_store,
    step_of,
    watch,
)
from drive import wait_for
from exptrack.record import rundir
from unprivileged import give_up_privileges

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
SIZE = 4 << 20


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0777", "tmpfs", str(folder)], check=True)

    def fill(self, leave: int = 0) -> None:
        """Until nothing fits any more but `leave` bytes."""
        with (self.folder / "filler").open("ab", buffering=0) as f:
            for size in (65536, 4096):
                with pytest.raises(OSError, match="No space left"):  # noqa: PT012 - the write that fails is the last one
                    while True:
                        f.write(bytes(size))
            f.truncate(f.tell() - leave)

    def empty(self) -> None:
        (self.folder / "filler").unlink()

    def make(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "disk")
    yield made
    made.close()


@pytest.fixture
def small(disk: Disk) -> Iterator[Scene]:
    """A project that lies on the small disk as a whole."""
    scene = Scene(disk.folder / "work")
    yield scene
    scene.clear()


def end(victim: Victim, scene: Scene, go: Path) -> tuple[int, str]:
    go.touch()
    code = victim.wait()
    victim.wait_for_all()
    return code, victim.said.read_text()


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Beside the disk there is room for the sign to end, or the test could not give it."""
    return tmp_path / "go"


def told(program: str, go: Path) -> str:
    return (
        program.replace('os.path.exists("go")', f"os.path.exists({str(go)!r})")
        .replace('open("model.bin"', f"open({str(go.parent / 'model.bin')!r}")
        .replace('open("pid"', f"open({str(go.parent / 'pid')!r}")
    )


@needs_root
@pytest.mark.parametrize("leave", [0, 4096, 16384, 65536])
def test_a_full_disk_costs_the_training_nothing_and_what_fits_later_is_stored_later(
    small: Scene, disk: Disk, room: Path, leave: int
) -> None:
    program = told(UNTIL_TOLD, room)
    victim = small.start(program, "-o", f"model={room.parent / 'model.bin'}")
    small.wait_for_file("captured.json", '"inputs"')
    small.wait_for_file("stdout.log", "step=3 ")
    disk.fill(leave)
    before = victim.seen.stat().st_size
    wait_for(lambda: victim.seen.stat().st_size > before + 400)
    code, said = end(victim, small, room)
    assert code == 0, said
    assert victim.seen.read_bytes().endswith(b"done\n")
    check_store(small.store)
    disk.empty()
    (run,) = small.check().values()
    assert (run.status, run.manifest.exit_code) == ("finished", 0)
    log = small.log(run)
    seen = victim.seen.read_bytes()
    if log != seen:
        assert any("stdout.log is incomplete" in w and "No space left" in w for w in run.manifest.warnings), (
            run.manifest.warnings
        )
    next_one = small.start("print('step=0 loss=1.000000')\n")
    assert next_one.wait() == 0
    assert len(small.check()) == 2


@needs_root
def test_a_full_store_elsewhere_keeps_the_run_until_there_is_room(scene: Scene, disk: Disk, room: Path) -> None:
    scene.tool.write("exptrack.toml", f"store = '{disk.folder}/store'\n")
    victim = scene.start(told(UNTIL_TOLD, room))
    scene.wait_for_file("captured.json", '"inputs"')
    scene.wait_for_file("stdout.log", "step=3 ")
    disk.fill()
    code, said = end(victim, scene, room)
    assert code == 0
    assert "No space left on device" in said
    assert "exptrack recover" in said
    check_store(scene.store)
    # Not sealed, but nothing is lost and nothing untrue is said.
    assert set(scene.statuses().values()) == {"finished"}
    assert len(rundir.live_runs(str(scene.live))) == 1
    refused = scene.tool("run", "--", "true", code=None)
    assert refused.returncode in (0, 125)
    disk.empty()
    runs = scene.check()
    run = min(runs.values(), key=lambda r: r.id)
    assert run.status == "finished"
    assert scene.log(run) == victim.seen.read_bytes()


@needs_root
def test_a_store_that_becomes_read_only(scene: Scene, disk: Disk, room: Path) -> None:
    scene.tool.write("exptrack.toml", f"store = '{disk.folder}/store'\n")
    victim = scene.start(told(UNTIL_TOLD, room))
    scene.wait_for_file("captured.json", '"inputs"')
    disk.make("ro")
    code, said = end(victim, scene, room)
    assert code == 0
    assert "Read-only file system" in said
    assert set(scene.statuses().values()) == {"finished"}
    disk.make("rw")
    (run,) = scene.check().values()
    assert (run.status, scene.log(run)) == ("finished", victim.seen.read_bytes())


@pytest.mark.parametrize("what", ["store", "store/objects", "store/runs", "live", "."])
def test_what_is_removed_during_the_run_is_made_again_or_missed_but_never_by_the_training(
    scene: Scene, room: Path, what: str
) -> None:
    victim = scene.start(told(UNTIL_TOLD, room))
    scene.wait_for_file("captured.json", '"inputs"')
    scene.wait_for_file("stdout.log", "step=3 ")
    shutil.rmtree(scene.folder / ".exptrack" / what)
    code, said = end(victim, scene, room)
    assert code == 0
    assert victim.seen.read_bytes().endswith(b"done\n")
    assert "Traceback" not in said
    again = scene.start("print('step=0 loss=1.000000')\n")
    assert again.wait() == 0, again.said.read_text()
    again.wait_for_all()
    runs = scene.runs()
    assert runs[max(runs)].status == "finished"
    if what == "store/runs":
        assert len(scene.check()) == 2


@pytest.mark.parametrize("what", ["store/objects", "store/runs", "live", "."])
def test_permissions_that_change_during_the_run(scene: Scene, room: Path, what: str) -> None:
    victim = scene.start(told(UNTIL_TOLD, room), prepare=give_up_privileges)
    scene.wait_for_file("captured.json", '"inputs"')
    folder = scene.folder / ".exptrack" / what
    folder.chmod(0o500)
    code, said = end(victim, scene, room)
    folder.chmod(0o700)
    assert code == 0
    assert "Traceback" not in said
    (run,) = scene.check().values()
    assert (run.status, scene.log(run)) == ("finished", victim.seen.read_bytes())


# What comes to the limit first is the masked log or the points; a process that may write nothing at all comes to it at
# its first write. The supervisor seals in place of such a recorder.
@pytest.mark.parametrize("limit", [0, 400, 4096, 20000])
def test_files_that_the_recorder_must_not_let_grow(scene: Scene, room: Path, limit: int) -> None:
    victim = scene.start(told(UNTIL_TOLD, room))
    scene.wait_for_file("captured.json", '"inputs"')
    recorder = victim.crowd().recorder
    assert recorder
    resource.prlimit(recorder, resource.RLIMIT_FSIZE, (limit, limit))
    wait_for(lambda: victim.seen.stat().st_size > 1000)
    code, said = end(victim, scene, room)
    assert code == 0, said
    (run,) = scene.check().values()
    assert (run.status, scene.log(run)) == ("finished", victim.seen.read_bytes())


@needs_root
@pytest.mark.parametrize("step", [*BEFORE_START, *RECORDED, *ENDING])
def test_a_disk_that_is_full_from_any_step_on(small: Scene, disk: Disk, room: Path, step: str) -> None:
    """Before the record exists nothing is started; from then on the training ends as it would have."""
    small.beside = room.parent
    victim = small.start(told(UNTIL_TOLD, room), "-q")
    if step in ENDING:
        small.wait_for_file("captured.json", '"inputs"')
        small.wait_for_file("stdout.log", "step=3 ")
        room.touch()
    watch(step_of(small, step), victim)
    disk.fill()
    code, said = end(victim, small, room)
    is_started = (room.parent / "pid").exists()
    assert code == (0 if is_started else 125), said
    assert "Traceback" not in said
    assert is_started or "hint:" in said
    assert not is_started or victim.seen.read_bytes().endswith(b"done\n")
    check_store(small.store)
    disk.empty()
    runs = small.check()
    assert [r.status for r in runs.values()] == ["finished"] * is_started
