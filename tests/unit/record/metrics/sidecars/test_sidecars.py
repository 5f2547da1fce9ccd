"""Files that programs write by themselves, followed while they grow."""

import json
import os
import struct

import pytest

from exptrack.model import Point
from exptrack.record.followed import Followed
from exptrack.record.metrics.sidecars import reader_for
from exptrack.record.metrics.sidecars.events import EventFile


def told(reader):
    return [(p.name, p.value, p.step) for p in reader.poll()]


def test_json_lines_wait_for_the_end_of_a_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "lo')
    reader = reader_for(str(path))
    assert told(reader) == [("loss", 0.5, 1)]
    with path.open("a") as file:
        file.write('ss": 0.25}\nno json\n')
    assert told(reader) == [("loss", 0.25, 2)]
    assert told(reader) == []


def test_detectrons_json_is_json_lines(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text('{"iteration": 19, "total_loss": 1.36, "time": 0.3}\n')
    assert told(reader_for(str(path))) == [("total_loss", 1.36, 19)]


def test_a_file_that_is_not_there_has_no_points(tmp_path):
    assert told(reader_for(str(tmp_path / "later.csv"))) == []


def test_trainer_state_gives_the_new_entries_of_its_history(tmp_path):
    path = tmp_path / "trainer_state.json"
    history = [{"epoch": 0.5, "loss": 3.1, "step": 10, "learning_rate": 0.1}]
    path.write_text(json.dumps({"log_history": history, "max_steps": 60}, indent=2))
    reader = reader_for(str(path))
    assert reader.poll() == [Point("loss", 3.1, 10, 0.5), Point("learning_rate", 0.1, 10, 0.5)]
    history.append({"epoch": 1.0, "eval_loss": 2.5, "eval_runtime": 0.1, "step": 20})
    path.write_text(json.dumps({"log_history": history}, indent=2))
    assert reader.poll() == [Point("eval_loss", 2.5, 20, 1)]


def test_results_file(tmp_path):
    path = tmp_path / "all_results.json"
    path.write_text('{\n  "eval_accuracy": 0.98,\n  "train_runtime": 2.8\n}\n')
    assert told(reader_for(str(path))) == [("eval_accuracy", 0.98, None)]


def test_keras_csv_with_not_available_cells(tmp_path):
    path = tmp_path / "training.csv"
    path.write_text("epoch,accuracy,val_loss\n0,0.13,NA\n1,0.31,2.07\n2,0.4")
    reader = reader_for(str(path))
    assert told(reader) == [("accuracy", 0.13, 0), ("accuracy", 0.31, 1), ("val_loss", 2.07, 1)]


def test_lightning_writes_its_csv_anew_when_a_column_appears(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train_loss\n0,9,0.5\n")
    reader = reader_for(str(path))
    assert told(reader) == [("train_loss", 0.5, 9)]
    new = tmp_path / "new"
    new.write_text("epoch,step,train_loss,val_loss\n0,9,0.5,\n0,10,,0.4\n")
    os.replace(new, path)
    assert told(reader) == [("val_loss", 0.4, 10)]


def test_stable_baselines_counts_its_steps_in_a_column(tmp_path):
    path = tmp_path / "progress.csv"
    path.write_text("time/iterations,train/loss,time/total_timesteps\n1,,256\n2,0.5,512\n")
    assert told(reader_for(str(path))) == [("train/loss", 0.5, 512)]


def test_ultralytics_pads_its_header(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("   epoch,   time,  train/box_loss,  metrics/mAP50(B)\n      1,   9.5,   1.185,    0.891\n")
    assert told(reader_for(str(path))) == [("train/box_loss", 1.185, 1), ("metrics/mAP50(B)", 0.891, 1)]


def test_a_table_of_data_is_no_table_of_metrics(tmp_path):
    path = tmp_path / "iris.csv"
    path.write_text("sepal,petal,label\n5.1,1.4,0\n")
    assert told(reader_for(str(path))) == []
    assert told(reader_for(str(path), is_declared=True)) == [("sepal", 5.1, 0), ("petal", 1.4, 0), ("label", 0.0, 0)]


def test_other_files_are_none_of_ours(tmp_path):
    assert reader_for(str(tmp_path / "model.pt")) is None


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, payload, wire=2):
    return varint(number << 3 | wire) + (varint(len(payload)) if wire == 2 else b"") + payload


def record(message):
    return struct.pack("<QI", len(message), 0) + message + b"\0\0\0\0"


def event(step, value, wall=1.5):
    return record(field(1, struct.pack("<d", wall), 1) + varint(2 << 3) + varint(step) + field(5, field(1, value)))


def simple(tag, number):
    return field(1, tag.encode()) + field(2, struct.pack("<f", number), 5)


def tensor(tag, number, plugin=b"scalars"):
    proto = varint(1 << 3) + varint(1) + field(5, struct.pack("<f", number))
    return field(1, tag.encode()) + field(8, proto) + field(9, field(1, field(1, plugin)))


def test_event_file_with_both_kinds_of_scalar(tmp_path):
    path = tmp_path / "events.out.tfevents.1.host"
    whole = record(field(3, b"brain.Event:2")) + event(3, simple("loss", 0.5)) + event(4, tensor("acc", 0.25))
    path.write_bytes(whole[:-3])
    reader = reader_for(str(path))
    assert isinstance(reader, EventFile)
    assert reader.poll() == [Point("loss", 0.5, 3, None, 1.5)]
    path.write_bytes(whole)
    assert reader.poll() == [Point("acc", 0.25, 4, None, 1.5)]


def test_event_files_of_a_split_take_its_name(tmp_path):
    folder = tmp_path / "validation"
    folder.mkdir()
    (folder / "events.out.tfevents.1.host").write_bytes(event(1, simple("epoch_loss", 0.5)))
    assert told(reader_for(str(folder / "events.out.tfevents.1.host"))) == [("validation/epoch_loss", 0.5, 1)]


def test_hparams_and_texts_are_no_points(tmp_path):
    path = tmp_path / "events.out.tfevents.1.host"
    pair = field(1, b"lr") + field(2, field(2, struct.pack("<d", 0.1), 1))
    content = field(3, field(1, pair))
    hparams = field(1, b"_hparams_/session_start_info") + field(9, field(1, field(1, b"hparams") + field(2, content)))
    text = field(1, b"note/text_summary") + field(8, varint(1 << 3) + varint(7) + field(8, b"hello"))
    text += field(9, field(1, field(1, b"text")))
    path.write_bytes(event(0, hparams) + event(0, text))
    reader = EventFile(str(path))
    assert reader.poll() == []
    assert reader.params == {"lr": 0.1}
    assert reader.texts == {"note": "hello"}
    followed = Followed(str(path), None, is_declared=True)
    assert followed.poll() == []
    assert followed.params == {"lr": 0.1}


@pytest.mark.parametrize("damage", [b"\xff" * 40, record(b"\xff\xff\xff"), struct.pack("<QI", 1 << 60, 0)])
def test_a_damaged_event_file_raises_nothing(tmp_path, damage):
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(event(1, simple("loss", 0.5)) + damage)
    assert told(EventFile(str(path))) == [("loss", 0.5, 1)]
