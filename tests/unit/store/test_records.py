"""A record is created once, whole, under a name that no content can choose; one of many promotions wins a number."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dying import die_at_every_step, kill_after, race
from exptrack import wire
from exptrack.errors import Damaged, ExptrackError, NoSuchRun, Overtaken
from exptrack.model import Event, Promotion
from exptrack.store.records import Records
from made import AN_ID, ANOTHER_ID, manifest


@pytest.fixture
def records(tmp_path):
    return Records(str(tmp_path / "store"))


def event(event_id=AN_ID, **fields):
    return Event(
        **{"id": event_id, "run": AN_ID, "action": "tag", "at": "2026-01-01T00:00:00.000Z", "author": "a", **fields}
    )


def promotion(model="m", sequence=1, **fields):
    known = {"run": AN_ID, "previous": None, "at": "2026-01-01T00:00:00.000Z", "author": "a"}
    return Promotion(model=model, sequence=sequence, **{**known, **fields})


def files(root):
    return sorted(os.path.relpath(os.path.join(d, f), root) for d, _, names in os.walk(root) for f in names)


def test_an_empty_or_missing_store_has_nothing(records):
    assert (records.run_ids(), records.event_ids(), records.models(), records.promotions("m")) == ([], [], [], [])
    assert not records.has_run(AN_ID)


def test_records_come_back_in_order(records):
    for run_id in (ANOTHER_ID, AN_ID):
        records.add_manifest(manifest(run_id))
        records.add_event(event(run_id))
    for n in (10, 2, 1):
        records.add_promotion(promotion(sequence=n))
    assert records.run_ids() == records.event_ids() == [AN_ID, ANOTHER_ID]
    assert records.manifest(AN_ID) == manifest(AN_ID)
    assert records.event(ANOTHER_ID) == event(ANOTHER_ID)
    assert records.promotion_numbers("m") == [1, 2, 10]
    assert [p.sequence for p in records.promotions("m")] == [1, 2, 10]


def test_nothing_is_ever_changed(records):
    records.add_manifest(manifest(note="first"))
    records.add_event(event(author="first"))
    records.add_promotion(promotion(author="first"))
    with pytest.raises(FileExistsError):
        records.add_manifest(manifest(note="second"))
    with pytest.raises(FileExistsError):
        records.add_event(event(author="second"))
    with pytest.raises(Overtaken, match="somebody else promoted m meanwhile") as e:
        records.add_promotion(promotion(author="second"))
    assert e.value.exit_code == 5
    assert records.manifest(AN_ID).note == "first"
    assert (records.event(AN_ID).author, records.promotions("m")[0].author) == ("first", "first")


# --- names that somebody else chose ----------------------------------------------------------------------------------

BAD_IDS = [
    "",
    "x",
    "../../../etc/passwd",
    "/etc/passwd",
    "01abcdefghjkmnp/",
    "A" * 16,
    "0" * 17,
    "0" * 15 + "\n",
    "é" * 16,
    "\0" * 16,
]


@pytest.mark.parametrize("bad", BAD_IDS, ids=ascii)
def test_an_id_that_is_none_names_no_file(records, tmp_path, bad):
    assert not records.has_run(bad)
    with pytest.raises(NoSuchRun) as e:
        records.manifest(bad)
    assert e.value.exit_code == 3
    for add in (
        lambda: records.add_manifest(manifest(bad)),
        lambda: records.add_event(event(bad)),
        lambda: records.event(bad),
    ):
        with pytest.raises(Damaged):
            add()
    assert files(tmp_path) == []


MODELS = [
    "m",
    "churn/prod",
    "a.b",
    "v1..2",
    "../../escape",
    "a b",
    "100%",
    "%2e%2e",
    "ü",
    "模型" * 8,
    "\x1b[31mred",
    "a\nb",
    "-rf",
    "con:1",
    "x" * 200,
]


@pytest.mark.parametrize("model", MODELS, ids=ascii)
def test_any_model_name_has_its_own_history_inside_the_store(records, tmp_path, model):
    if model.startswith("."):
        with pytest.raises(ExptrackError):
            records.add_promotion(promotion(model))
        model = "x" + model
    records.add_promotion(promotion(model))
    assert records.models() == [model]
    assert records.promotions(model) == [promotion(model)]
    (path,) = files(tmp_path / "store")
    assert path.count("/") == 2
    assert path.startswith("promotions/")
    assert files(tmp_path) == ["store/" + path]


@pytest.mark.parametrize(
    "model", ["", ".", "..", ".hidden", "@", "m@2", "x" * 201, "ü" * 34, "\udcff", chr(0xD800)], ids=ascii
)
def test_a_name_that_can_be_no_file_is_refused_with_a_hint(records, tmp_path, model):
    for ask in (lambda: records.add_promotion(promotion(model)), lambda: records.promotions(model)):
        with pytest.raises(ExptrackError) as e:
            ask()
        assert (e.value.exit_code, bool(e.value.hint)) == (2, True)
    assert files(tmp_path) == []


@given(model=st.text(st.characters(), max_size=30), other=st.text(st.characters(), max_size=30))
def test_two_models_never_share_a_history(tmp_path_factory, model, other):
    records = Records(str(tmp_path_factory.mktemp("s")))
    try:
        records.add_promotion(promotion(model))
        theirs = records.promotions(other)
    except ExptrackError:
        return
    assert bool(theirs) == (model == other)
    assert records.models() == [model]


def test_strange_files_beside_ours_are_passed_over(records, tmp_path):
    records.add_manifest(manifest())
    records.add_promotion(promotion())
    root = tmp_path / "store"
    for name in (
        "README",
        ".tmp",
        "01abcdefghjkmnpz.json.tmp",
        "../../x.json".replace("/", "_"),
        "a.json",
        ".hidden.json",
    ):
        (root / "runs" / name).write_text("{}")
    for name in ("a.json", "01.json", "007.json", "1.json.tmp", "-1.json", "1e3.json", "9999999999.json", "٣.json"):
        (root / "promotions" / "m" / name).write_text("{}")
    for name in ("a%2fb", "a b", "x" * 201, "%", "%zz", "%FF", ".git"):
        (root / "promotions" / name).mkdir()
    (root / "promotions" / "file").write_text("{}")
    assert records.run_ids() == [AN_ID]
    assert records.promotion_numbers("m") == [1]
    assert records.models() == ["file", "m"], "one spelling of a name only"
    assert records.promotions("file") == []


# --- content that somebody else wrote --------------------------------------------------------------------------------


def put(records, data):
    """The same bytes as manifest, event and promotion -> three ways to read them."""
    for path in (f"runs/{AN_ID}.json", f"events/{AN_ID}.json", "promotions/m/1.json"):
        full = os.path.join(records.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data)
    return (lambda: records.manifest(AN_ID), lambda: records.event(AN_ID), lambda: records.promotions("m"))


DAMAGE = {
    "empty": b"",
    "half": wire.encode(manifest())[:100],
    "a list": b"[]",
    "deep": b"[" * 10_000,
    "binary": os.urandom(100),
    "another run's": wire.encode(manifest(ANOTHER_ID)),
    "another event's": wire.encode(event(ANOTHER_ID)),
    "another model's": wire.encode(promotion("other")),
    "another number's": wire.encode(promotion("m", 2)),
    "an id with a slash": wire.encode(manifest("../../../../tmp/x")),
}


@pytest.mark.parametrize("data", DAMAGE.values(), ids=DAMAGE)
def test_damaged_records_are_said_to_be(records, data):
    for read in put(records, data):
        with pytest.raises(Damaged) as e:
            read()
        assert e.value.exit_code == 6
        assert e.value.hint


def test_a_newer_record_is_refused_with_what_to_do(records):
    newer = {"format": 2, **wire.plain(manifest())}
    for read in put(records, json.dumps(newer).encode()):
        with pytest.raises(ExptrackError, match="format 2") as e:
            read()
        assert (e.value.exit_code, "upgrade" in e.value.hint) == (2, True)


def test_ten_gigabytes_are_not_read(records):
    readers = put(records, b"{")
    for path in files(records.root):
        os.truncate(os.path.join(records.root, path), 10 << 30)
    for read in readers:
        with pytest.raises(Damaged, match="bytes long"):
            read()


def test_nobody_waits_at_a_pipe_that_is_called_a_record(records):
    readers = put(records, b"{}")
    for path in files(records.root):
        full = os.path.join(records.root, path)
        os.unlink(full)
        os.mkfifo(full)
    for read in readers:
        with pytest.raises(Damaged, match="not a regular file"):
            read()


def test_a_folder_that_is_called_a_record_is_damage(records):
    readers = put(records, b"{}")
    for path in files(records.root):
        full = os.path.join(records.root, path)
        os.unlink(full)
        os.mkdir(full)
    for read in readers:
        with pytest.raises(Damaged):
            read()


# --- many at once, and none to the end -------------------------------------------------------------------------------

MADE = """
import sys
from made import manifest, AN_ID
from exptrack.errors import Overtaken
from exptrack.model import Event, Promotion
from exptrack.store.records import Records
def promotion(n, who):
    return Promotion(model="m/x", sequence=n, run=AN_ID, previous=None, at="", author=who)
"""
PROMOTE = """
records, won = Records(sys.argv[4]), []
for n in range(1, 21):
    try:
        records.add_promotion(promotion(n, sys.argv[3]))
        won.append(n)
    except Overtaken as e:
        assert e.exit_code == 5
print(won)
"""
TESTS = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


@pytest.fixture
def with_tests(monkeypatch):
    """Subprocesses find the modules beside conftest.py."""
    monkeypatch.setenv("PYTHONPATH", TESTS, prepend=os.pathsep)


@pytest.mark.usefixtures("with_tests")
def test_eight_promote_at_once_and_each_number_has_one_winner(records):
    came = race(MADE, PROMOTE, 8, records.root)
    assert [code for code, _ in came] == [0] * 8
    winners = {n: str(who) for who, (_, said) in enumerate(came) for n in json.loads(said)}
    assert sum(len(json.loads(said)) for _, said in came) == 20
    assert {p.sequence: p.author for p in records.promotions("m/x")} == winners
    assert not [f for f in files(records.root) if f.endswith(".tmp")]


def manifests_in(records):
    return [records.manifest(i) for i in records.run_ids()]


def authors_in(records):
    return [p.author for m in records.models() for p in records.promotions(m)]


STEPS = {
    "manifest": (
        "Records(folder).add_manifest(manifest())",
        lambda records: records.add_manifest(manifest()),
        manifests_in,
        [manifest()],
    ),
    "promotion": (
        "Records(folder).add_promotion(promotion(1, 'a'))",
        lambda records: records.add_promotion(promotion("m/x")),
        authors_in,
        ["a"],
    ),
}


@pytest.mark.usefixtures("with_tests")
@pytest.mark.parametrize(("code", "repeat", "read", "whole"), STEPS.values(), ids=STEPS)
def test_a_crash_at_any_step_leaves_the_record_or_none_and_can_be_repeated(tmp_path, code, repeat, read, whole):
    left = [Records(str(f)) for f in die_at_every_step(code, tmp_path / "steps", prelude=MADE)]
    assert len(left) > 10
    found = [read(records) for records in left]
    assert [] in found
    assert whole in found
    assert all(f in ([], whole) for f in found)
    for records, there in zip(left, found, strict=True):
        if not there:
            repeat(records)
        assert read(records) == whole


@pytest.mark.usefixtures("with_tests")
def test_sigkill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path):
    code = MADE + (
        "import itertools\nrecords = Records(sys.argv[1])\nfor n in itertools.count(1):\n"
        "    records.add_manifest(manifest(f'{n:016d}'))\n    records.add_promotion(promotion(n, 'a'))\n"
        "    print(n, flush=True)\n"
    )
    for lines in (1, 4, 20):
        records = Records(str(tmp_path / str(lines)))
        said = len(kill_after(code, lines, records.root))
        assert len([records.manifest(i) for i in records.run_ids()]) >= said
        assert [p.sequence for p in records.promotions("m/x")] == [*range(1, len(records.promotions("m/x")) + 1)]
        assert len(records.promotions("m/x")) >= said


def test_what_was_said_of_one_run_comes_from_the_files_in_order(records):
    ids = [f"01evt0000000000{n}" for n in range(4)]
    for event_id, run_id in zip(ids, (AN_ID, ANOTHER_ID, AN_ID, ANOTHER_ID), strict=True):
        records.add_event(event(event_id, run=run_id, data={"of": AN_ID}))
    assert [e.id for e in records.events_about(AN_ID)] == [ids[0], ids[2]]
    assert list(records.events_about("01nobody00000000")) == []


def test_a_broken_word_about_a_run_is_said_and_one_about_nobody_passed_over(records):
    records.add_event(event())
    path = os.path.join(records.events, ANOTHER_ID + ".json")
    with open(path, "wb") as f:
        f.write(b"{")
    assert [e.id for e in records.events_about(AN_ID)] == [AN_ID]
    with open(path, "wb") as f:
        f.write(b'{"run":"' + AN_ID.encode())
    with pytest.raises(Damaged):
        list(records.events_about(AN_ID))


def test_the_bytes_of_an_event(records):
    records.add_event(event())
    assert json.loads(records.event_bytes(AN_ID))["action"] == "tag"
    with pytest.raises(FileNotFoundError):
        records.event_bytes(ANOTHER_ID)
    with pytest.raises(Damaged):
        records.event_bytes("../runs/x")
