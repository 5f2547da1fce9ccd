"""A real git work tree and a real store for tests of the code snapshot."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from exptrack.capture.masked_copy import Masking, Stored
from exptrack.capture.snapshot import Snapshot
from exptrack.model import CodeState
from exptrack.store.place import Store, open_store
from exptrack.store.trees import decode_tree, encode_tree

WHO = (
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@example.invalid",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "protocol.file.allow=always",
)


class Keeper:
    """A store's objects that writes down what was read into it."""

    def __init__(self, store: Store) -> None:
        self.objects = store.objects
        self.files: list[str] = []
        self.bytes: list[bytes] = []

    def touch(self, digest: str) -> bool:
        return self.objects.touch(digest)

    def add_bytes(self, data: bytes) -> str:
        self.bytes.append(data)
        return self.objects.add_bytes(data)

    def add_file(self, path: str) -> tuple[str, int]:
        return self.objects.add_file(path)


class Watched(Masking):
    """Notes in the keeper which files were read."""

    def store(self, keeper: Any, full: str, path: str, folder: str) -> Stored:
        done = super().store(keeper, full, path, folder)
        keeper.files.append(os.path.basename(path))
        return done


class CodeFolder:
    """A folder at `root`; everything exptrack writes goes beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.root.mkdir(exist_ok=True, parents=True)
        self.beside = root.parent / (root.name + "-beside")
        self.store = open_store(str(self.beside / "store"), create=True)
        self.keeper = Keeper(self.store)
        self.warnings: list[str] = []

    def git(self, *arguments: str, at: str = ".") -> str:
        done = subprocess.run(["git", *WHO, *arguments], cwd=self.root / at, capture_output=True)
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode()

    def write(self, path: str, content: str | bytes = "x = 1\n", mode: int = 0o644) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(mode)
        return place

    def commit(self, at: str = ".") -> str:
        self.git("add", "-A", at=at)
        self.git("commit", "-qm", "a", at=at)
        return self.git("rev-parse", "HEAD", at=at).strip()

    def begin(
        self,
        at: str = ".",
        exclude: tuple[str, ...] = (),
        max_bytes: int = 1 << 30,
        cwd: str = "",
        secrets: str = "mask",
        names: tuple[str, ...] = (),
        places: tuple[str, ...] = (),
        inputs: tuple[str, ...] = (),
    ) -> Snapshot:
        self.keeper = Keeper(self.store)
        snapshot = Snapshot.begin(
            str(self.root / at),
            exclude=exclude,
            max_bytes=max_bytes,
            folder=str(self.root / ".exptrack"),
            cache_folder=str(self.beside / "cache"),
            cwd=str(self.root / cwd) if cwd else "",
            secrets=secrets,
            secret_names=names,
            secret_places=places,
            data=inputs,
        )
        snapshot.collection.masking = Watched(secrets, names, places)
        return snapshot

    def complete(self, snapshot: Snapshot) -> CodeState:
        state, self.warnings = snapshot.complete(self.keeper, encode_tree)
        return state

    def take(self, *arguments: Any, **more: Any) -> CodeState:
        """A whole snapshot; as `begin`."""
        snapshot = self.begin(*arguments, **more)
        snapshot.keep_dirty(self.keeper)
        return self.complete(snapshot)

    def modes(self, state: CodeState) -> dict[str, str]:
        """path -> mode of a snapshot."""
        return {f.path: f.mode for f in decode_tree(self.store.objects.read(state.tree or ""))}

    def content(self, state: CodeState) -> dict[str, bytes]:
        """path -> bytes of a snapshot; also proves that the tree is canonical and all of its objects are whole."""
        data = self.store.objects.read(state.tree or "")
        files = decode_tree(data)
        assert encode_tree(files) == data
        assert state.files == len(files)
        out = {f.path: self.store.objects.read(f.digest) for f in files}
        assert [len(out[f.path]) for f in files] == [f.size for f in files]
        return out


def repository(root: Path) -> CodeFolder:
    """A folder with an empty repository."""
    folder = CodeFolder(root)
    folder.git("init", "-q", "-b", "main")
    return folder


def age(code: CodeFolder) -> None:
    """Let the last snapshot trust what it saw: ctime cannot be set back, so the clock of the rows is moved on."""
    newest = max(os.lstat(p).st_ctime_ns for p in code.root.rglob("*"))
    while time.time_ns() - newest < 150_000_000:
        time.sleep(0.02)
