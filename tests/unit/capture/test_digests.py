"""The digest cache: never a digest for other bytes, whatever happens to the file or the cache."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from exptrack.capture.digests import DigestCache, digest_file, is_racy, state_of

OLD = 1_700_000_000


def age(path, seconds_since_epoch=OLD):
    os.utime(path, (seconds_since_epoch, seconds_since_epoch))


@pytest.fixture
def settled(monkeypatch):
    """A clock ten seconds ahead: everything written so far is no longer racy. ctime cannot be set back."""
    import time

    real = time.time_ns
    monkeypatch.setattr("exptrack.capture.digests.time.time_ns", lambda: real() + 10_000_000_000)


def remembered(tmp_path, data=b"one"):
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    cache = DigestCache(str(tmp_path / "cache" / "digests.jsonl"))
    digest, stat = digest_file(str(path))
    cache.remember(str(path), stat, digest)
    cache.save()
    return path, digest, cache.path


def test_a_digest_is_the_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 300_000)
    digest, stat = digest_file(str(path))
    assert digest == hashlib.sha256(b"x" * 300_000).hexdigest()
    assert stat.st_size == 300_000


@pytest.mark.usefixtures("settled")
def test_an_untouched_file_is_known_to_the_next_process(tmp_path):
    path, digest, cache = remembered(tmp_path)
    assert DigestCache(cache).digest_of(str(path), path.stat()) == digest


@pytest.mark.usefixtures("settled")
def test_other_bytes_of_the_same_size_and_mtime_are_not_taken_for_known(tmp_path):
    path, _, cache = remembered(tmp_path, b"one")
    times = path.stat().st_mtime_ns
    path.write_bytes(b"two")
    os.utime(path, ns=(times, times))
    assert DigestCache(cache).digest_of(str(path), path.stat()) is None


@pytest.mark.usefixtures("settled")
def test_a_replaced_file_is_not_taken_for_known(tmp_path):
    path, _, cache = remembered(tmp_path, b"one")
    other = tmp_path / "other"
    other.write_bytes(b"two")
    age(other, path.stat().st_mtime)
    other.replace(path)
    assert DigestCache(cache).digest_of(str(path), path.stat()) is None


def test_a_file_written_a_moment_ago_is_not_remembered(tmp_path):
    path, _, cache = remembered(tmp_path)
    assert DigestCache(cache).digest_of(str(path), path.stat()) is None


def test_a_time_in_the_future_is_racy(tmp_path):
    path = tmp_path / "f"
    path.touch()
    stat = path.stat()
    assert is_racy(stat, stat.st_mtime_ns - 1)
    assert not is_racy(stat, stat.st_ctime_ns + 3_000_000_000)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", [b'["torn', b"\xff\xfe\n", b"{}\n", b'["a","b","short"]\n', b"[1,2,3]\n"])
def test_a_damaged_line_costs_only_itself(tmp_path, damage):
    path, digest, cache = remembered(tmp_path)
    with open(cache, "ab") as f:
        f.write(damage)
    again = DigestCache(cache)
    assert again.digest_of(str(path), path.stat()) == digest
    second = tmp_path / "second"
    second.write_bytes(b"2")
    again.remember(str(second), second.stat(), hashlib.sha256(b"2").hexdigest())
    again.save()
    third = DigestCache(cache)
    assert third.digest_of(str(path), path.stat()) == digest
    assert third.digest_of(str(second), second.stat()) is not None


@pytest.mark.usefixtures("settled")
def test_names_that_are_not_utf8_are_remembered(tmp_path):
    path = os.fsdecode(os.fsencode(str(tmp_path)) + b"/caf\xe9\n.bin")
    with open(path, "wb") as f:
        f.write(b"x")
    cache = DigestCache(str(tmp_path / "c"))
    cache.remember(path, os.stat(path), "a" * 64)
    cache.save()
    assert DigestCache(cache.path).digest_of(path, os.stat(path)) == "a" * 64


@pytest.mark.usefixtures("settled")
def test_the_file_does_not_grow_for_ever(tmp_path):
    path = tmp_path / "f"
    for n in range(1500):
        path.write_text(str(n % 10))
        age(path, OLD + n)
        cache = DigestCache(str(tmp_path / "c"))
        cache.remember(str(path), path.stat(), f"{n:064d}")
        cache.save()
    assert len((tmp_path / "c").read_bytes().split()) < 1100 * 3
    assert DigestCache(cache.path).digest_of(str(path), path.stat()) == f"{1499:064d}"


def test_a_cache_that_cannot_be_written_says_so(tmp_path, settled):
    path = tmp_path / "f"
    path.touch()
    (tmp_path / "file").touch()
    cache = DigestCache(str(tmp_path / "file" / "digests.jsonl"))
    cache.remember(str(path), path.stat(), "a" * 64)
    with pytest.raises(OSError):
        cache.save()


def test_a_line_names_path_state_and_digest(tmp_path, settled):
    path, digest, cache = remembered(tmp_path)
    with open(cache) as f:
        lines = [json.loads(line) for line in f if line.strip()]
    assert lines == [[str(path), state_of(path.stat()), digest]]
