"""The points of a run: live, sealed, and on the way from the one to the other."""

from __future__ import annotations

import json
import os

import pytest

from exptrack.actions.places import Place
from exptrack.actions.series import Wanted, Watch, require_points
from exptrack.errors import Damaged, ExptrackError, NoSuchRun
from exptrack.files import Lock
from exptrack.model import Point, Run
from exptrack.record.points import PointWriter
from exptrack.record.rundir import LOCK, POINTS, RunDir
from made import manifest, run


@pytest.fixture
def place(project, store):
    return Place(project, store)


def points(*values, name="loss", first=0):
    return [Point(name, v, first + n, None, 100.0 + n) for n, v in enumerate(values)]


def write(path, *batches):
    """`batches`: (source, points), each flushed on its own."""
    writer = PointWriter(str(path))
    for source, batch in batches:
        writer.add(batch, source, 100.0)
        writer.flush()


def sealed(place, tmp_path, *batches, **facts):
    write(tmp_path / "points", *batches)
    made = manifest(points=place.store.objects.add_file(str(tmp_path / "points"))[0], **facts)
    place.store.records.add_manifest(made)
    return Run(manifest=made, status=made.status, tags={}, note=None)


def looked(place, one, text):
    watch = Watch(place, [one], Wanted(text))
    assert watch.look() is False
    return watch


def test_a_sealed_run(place, tmp_path):
    one = sealed(place, tmp_path, ("stdout", points(3.0, float("nan"))), ("stdout", points(1.0, first=2)), name="a")
    (curve,) = looked(place, one, "loss").curves()
    assert (curve.run, curve.run_name, curve.status, curve.source) == (one.id, "a", "finished", "stdout")
    assert list(map(repr, curve.values)) == ["3.0", "nan", "1.0"]
    assert (curve.steps, curve.at, curve.epochs) == ([0, 1, 2], [100.0, 101.0, 100.0], [None] * 3)


def test_one_source_a_metric_and_it_is_the_one_of_the_summary(place, tmp_path):
    exact = points(0.123456, 0.1, 0.05)
    one = sealed(place, tmp_path, ("stdout", points(0.12, 0.1)), ("sidecar", exact))
    (curve,) = looked(place, one, "loss").curves()
    assert (curve.source, curve.values) == ("sidecar", [0.123456, 0.1, 0.05])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("loss", ["loss"]),
        ("val/*", ["val/acc", "val/loss"]),
        ("val/loss,loss", ["val/loss", "loss"]),
        ("loss, val/*", ["loss", "val/acc", "val/loss"]),
        ("*", ["a,b[0]", "loss", "val/acc", "val/loss"]),
        ("a,b[0]", ["a,b[0]"]),
    ],
)
def test_metrics_by_name_list_and_glob(place, tmp_path, text, wanted):
    names = ("val/loss", "loss", "val/acc", "a,b[0]")
    one = sealed(place, tmp_path, *(("stdout", points(1.0, name=n)) for n in names))
    assert [c.name for c in looked(place, one, text).curves()] == wanted


def test_what_is_not_there_is_said_with_what_is_near(place, tmp_path):
    one = sealed(place, tmp_path, ("stdout", points(1.0, name="val/loss")))
    with pytest.raises(NoSuchRun) as e:
        require_points(looked(place, one, "val/los"))
    assert "`val/loss`" in e.value.hint
    assert looked(place, one, "val/*,acc").unmet() == [(one.id, ["acc"])]
    with pytest.raises(ExptrackError):
        Wanted(" , ")


def test_bytes_that_are_missing_or_altered_are_no_curve(place, tmp_path):
    one = sealed(place, tmp_path, ("stdout", points(1.0)))
    path = place.store.objects.path(one.manifest.points)
    os.chmod(path, 0o600)
    with open(path, "ab") as f:
        f.write(b" ")
    with pytest.raises(Damaged):
        looked(place, one, "loss")
    os.unlink(path)
    with pytest.raises(Damaged):
        looked(place, one, "loss")


def test_a_run_without_points(place):
    made = manifest()
    place.store.records.add_manifest(made)
    assert looked(place, run(), "loss").curves() == []


def test_a_live_run_is_read_on_and_goes_over_into_its_sealed_form(place, tmp_path):
    made = manifest(status="running")
    folder = RunDir(os.path.join(place.project.live, made.id))
    os.mkdir(folder.path)
    lock = Lock(folder.file(LOCK))
    lock.acquire(wait=True)
    watch = Watch(place, [Run(manifest=made, status="running", tags={}, note=None)], Wanted("loss"))
    assert watch.look() is True
    assert watch.curves() == []
    write(folder.file(POINTS), ("stdout", points(3.0)))
    with open(folder.file(POINTS), "ab") as f:
        f.write(b'{"name": "loss", "source": "stdout", "val')
    assert watch.look() is True
    assert [(c.values, c.status) for c in watch.curves()] == [([3.0], "running")]
    with open(folder.file(POINTS), "ab") as f:
        f.write(b'ues": [2.0], "steps": [1]}\n')
    size = watch.size
    watch.look()
    assert watch.curves()[0].values == [3.0, 2.0]
    assert watch.size != size

    digest = place.store.objects.add_file(folder.file(POINTS))[0]
    place.store.records.add_manifest(manifest(points=digest, status="failed"))
    folder.remove()
    lock.release()
    assert watch.look() is False
    assert [(c.values, c.status) for c in watch.curves()] == [([3.0, 2.0], "failed")]


def test_points_that_another_recorder_writes_anew_are_not_doubled(place):
    made = manifest(status="lost")
    folder = RunDir(os.path.join(place.project.live, made.id))
    os.mkdir(folder.path)
    write(folder.file(POINTS), ("stdout", points(3.0, 2.0)))
    watch = Watch(place, [Run(manifest=made, status="lost", tags={}, note=None)], Wanted("loss"))
    assert watch.look() is False
    write(folder.file("new"), ("stdout", points(3.0)))
    os.replace(folder.file("new"), folder.file(POINTS))
    watch.look()
    assert watch.curves()[0].values == [3.0]


def test_a_run_that_was_removed_is_said(place):
    watch = Watch(place, [run()], Wanted("loss"))
    with pytest.raises(NoSuchRun):
        watch.look()


def test_a_forged_points_file_costs_its_own_lines_only(place, tmp_path):
    lines = [{"name": "loss", "values": [1.0], "steps": [10**400]}, {"name": 3, "values": [1], "steps": [1]}, []]
    data = b"\n".join(json.dumps(line).encode() for line in lines) + b"\nrubbish\n"
    made = manifest(points=place.store.objects.add_bytes(data))
    place.store.records.add_manifest(made)
    (curve,) = looked(place, run(), "*").curves()
    assert curve.values == [1.0]
