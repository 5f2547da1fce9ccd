"""Configuration files: flattened and typed; what is wrong with one is said with its line."""

from __future__ import annotations

import pytest

from exptrack.capture.configs import LARGEST, config_files_named, from_config
from exptrack.errors import ExptrackError

YAML = """
lr: 1e-4
epochs: 10
amp: true
nothing: null
name: "1e-4"
model:
  layers: [64, 64]
  head: {kind: linear, bias: false}
when: 2024-01-02
shape: !!python/tuple [1, 2]
other: !include x.yaml
api_key: canary
limit: .inf
"""


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_yaml(tmp_path):
    assert from_config(write(tmp_path, "c.yaml", YAML)) == {
        "lr": 1e-4,
        "epochs": 10,
        "amp": True,
        "nothing": None,
        "name": "1e-4",
        "model.layers": "[64, 64]",
        "model.head.kind": "linear",
        "model.head.bias": False,
        "when": "2024-01-02",
        "shape": "[1, 2]",
        "other": "x.yaml",
        "api_key": "[redacted]",
        "limit": "inf",
    }


def test_json_and_toml(tmp_path):
    expected = {"a.lr": 0.1, "a.on": True, "b": '[1, {"x": 2}]', "n": 3}
    assert (
        from_config(write(tmp_path, "c.json", '{"a": {"lr": 0.1, "on": true}, "b": [1, {"x": 2}], "n": 3}')) == expected
    )
    toml = "n = 3\nb = [1, {x = 2}]\n[a]\nlr = 0.1\non = true\n"
    assert from_config(write(tmp_path, "c.toml", toml)) == expected
    assert from_config(write(tmp_path, "d.toml", "[a]\nlr = 1e-4\nday = 2024-01-02\n")) == {
        "a.lr": 1e-4,
        "a.day": "2024-01-02",
    }


def test_several_yaml_documents_and_none(tmp_path):
    assert from_config(write(tmp_path, "c.yml", "a: 1\n---\na: 2\nb: 3\n---\n")) == {"a": 2, "b": 3}
    assert from_config(write(tmp_path, "d.yml", "# nothing\n")) == {}


def test_no_object_is_built(tmp_path):
    marker = tmp_path / "built"
    text = f"x: !!python/object/apply:os.mkdir ['{marker}']\n"
    from_config(write(tmp_path, "c.yaml", text))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("c.yaml", "a: 1\nb: [1\nc: 2\n", "c.yaml:3"),
        ("c.json", '{"a": 1,\n "b": }', "c.json:2"),
        ("c.toml", "a = 1\nb = \n", "line 2"),
        ("c.yaml", "- 1\n- 2\n", "no table"),
        ("c.json", "[1, 2]", "no table"),
        ("c.json", '{"a": ' + "9" * 5000 + "}", "c.json"),
        ("c.json", '{"a": ' * 100_000, "c.json"),
        ("c.txt", "a: 1", "unknown kind"),
        ("c.yaml", "a: &a [*a]\n", "nested"),
        ("c.yaml", "a: &a {b: *a}\n", "nested"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path, name, text, where):
    with pytest.raises(ExptrackError, match=where) as caught:
        from_config(write(tmp_path, name, text))
    assert name in caught.value.message
    assert caught.value.hint


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ExptrackError, match="yaml:2: not UTF-8"):
        from_config(str(tmp_path / "c.yaml"))


def test_a_missing_file(tmp_path):
    with pytest.raises(ExptrackError, match="No such file"):
        from_config(str(tmp_path / "c.yaml"))


def test_data_is_no_configuration(tmp_path):
    big = write(tmp_path, "big.json", "[" + "1," * LARGEST + "1]")
    with pytest.raises(ExptrackError, match="larger than"):
        from_config(big)
    many = write(tmp_path, "many.json", "{" + ",".join(f'"k{i}": 1' for i in range(3000)) + "}")
    with pytest.raises(ExptrackError, match="3000 values"):
        from_config(many)
    assert config_files_named(["--data", big, many], str(tmp_path)) == [many]


def test_aliases_cannot_fill_the_memory(tmp_path):
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"] + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(ExptrackError, match="unfolds"):
        from_config(write(tmp_path, "bomb.yaml", "\n".join(lines)))


def test_files_on_the_command_line(tmp_path):
    (tmp_path / "conf").mkdir()
    for name in ("a.yaml", "conf/b.toml", "c.JSON", "d.yml"):
        (tmp_path / name).touch()
    argv = [
        "python",
        "train.py",
        "--config=conf/b.toml",
        "a.yaml",
        "-c",
        "a.yaml",
        "@d.yml",
        "missing.yaml",
        "conf",
        "c.JSON",
    ]
    found = [path.removeprefix(f"{tmp_path}/") for path in config_files_named(argv, str(tmp_path))]
    assert found == ["conf/b.toml", "a.yaml", "d.yml", "c.JSON"]
    assert config_files_named(["x\0.yaml"], str(tmp_path)) == []
