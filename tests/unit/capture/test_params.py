"""Parameters from command lines: every usual form, typed; nothing of the launchers; never an exception."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.capture.params import from_command, parse_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("10", 10),
        ("-3", -3),
        ("0.1", 0.1),
        (".5", 0.5),
        ("-1.5E+3", -1500.0),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("None", None),
        ("none", "none"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1e999", "1e999"),
        ("1" * 30, "1" * 30),
        ("9" * 5000, "9" * 5000),
        ("[1,2]", "[1,2]"),
        ("1.2.3", "1.2.3"),
        ("", ""),
        ("１２", "１２"),
    ],
)
def test_scalars_are_typed(text, value):
    assert parse_scalar(text) == value
    assert type(parse_scalar(text)) is type(value)


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        ("--lr 0.1", {"lr": 0.1}),
        ("--lr=0.1", {"lr": 0.1}),
        ("-lr 0.1", {"lr": 0.1}),
        ("--flag", {"flag": True}),
        ("--no-flag", {"flag": False}),
        ("--flag --lr 1", {"flag": True, "lr": 1}),
        ("-b 32", {"b": 32}),
        ("-b32", {"b": 32}),
        ("-v", {"v": True}),
        ("--batch-size 32", {"batch_size": 32}),
        ("--bias -0.5 --shift -3 --low -inf", {"bias": -0.5, "shift": -3, "low": "-inf"}),
        ("--name 'my run' --empty=", {"name": "my run", "empty": ""}),
        ("--layers 64 64 32", {"layers": "64 64 32"}),
        ("--lr 0.1 data.csv", {"lr": 0.1}),
        ("--metrics acc f1 --x 1", {"metrics": "acc f1", "x": 1}),
        ("--amp true data.csv", {"amp": True}),
        ("--lr 0.1 --lr 0.2", {"lr": "[0.1, 0.2]"}),
        ("--lr 0.1 --lr 0.1 -v -v", {"lr": 0.1, "v": True}),
        ("data.csv out/", {}),
        ("--lr 1 -- --not-mine 2", {"lr": 1}),
        ("model.lr=1e-3 +trainer.gpus=2 ++a.b=c", {"model.lr": 1e-3, "trainer.gpus": 2, "a.b": "c"}),
        ("model/head=linear db@backup=pg ~callbacks", {"model/head": "linear", "db@backup": "pg", "~callbacks": True}),
        ("--multirun lr=1,2 a='b c' x=[1,2]", {"multirun": True, "lr": "1,2", "a": "b c", "x": "[1,2]"}),
        ("x==1 https://h/x?a=b http://h/a=b", {}),
        ("--data part/date=2024-01-02/x", {"data": "part/date=2024-01-02/x"}),
        ("--url https://h/x?a=b", {"url": "https://h/x?a=b"}),
        (
            "--api-key canary --hf_token=canary db.password=canary",
            dict.fromkeys(["api_key", "hf_token", "db.password"], "[redacted]"),
        ),
        ("--max-tokens 512 --tokenizer t", {"max_tokens": 512, "tokenizer": "t"}),
        ("- --=1 -", {}),
    ],
)
def test_arguments(arguments, params):
    found = from_command(["python", "train.py", *shlex.split(arguments)])
    assert found == params
    assert list(map(type, found.values())) == list(map(type, params.values()))


@pytest.mark.parametrize(
    "command",
    """python train.py --lr 1
    python3.11 -u -W ignore -Xdev train.py --lr 1
    python -m pkg.train --lr 1
    python -um pkg --lr 1
    python -mpkg --lr 1
    python -c 'import x' --lr 1
    python - --lr 1
    ./train.py --lr 1
    train-model --lr 1
    /opt/x/bin/python train.py --lr 1
    torchrun --nproc_per_node 8 --nnodes=2 train.py --lr 1
    torchrun --standalone -m pkg.train --lr 1
    python -m torch.distributed.run --nproc-per-node 8 train.py --lr 1
    accelerate launch --config_file acc.yaml --num_processes 2 train.py --lr 1
    deepspeed --num_gpus 2 --module pkg.train --lr 1
    env -u X A=b CUDA_VISIBLE_DEVICES=0 python train.py --lr 1
    nice -n 10 timeout -s INT 3600 python train.py --lr 1
    time python train.py --lr 1
    uv run --with numpy train.py --lr 1
    uv run -- python train.py --lr 1
    poetry run python train.py --lr 1
    conda run -n env --no-capture-output python train.py --lr 1
    srun -n 4 --gres=gpu:1 --unknown-option x python train.py --lr 1
    mpirun -np 4 -x NCCL_DEBUG --bind-to none python train.py --lr 1
    mpiexec.hydra -n 4 python train.py --lr 1
    mpirun.openmpi -n 4 --oversubscribe python train.py --lr 1
    srun -n4 -N2 python train.py --lr 1
    coverage run --branch train.py --lr 1
    python -m cProfile -o out.prof train.py --lr 1
    docker run --gpus all -v a:b image python train.py --lr 1
    bash train.sh --lr 1
    bash -c 'python train.py --lr 1'
    bash -lc 'cd x && . venv/bin/activate; CUDA_VISIBLE_DEVICES=0 python train.py --lr 1 --out $OUT | tee log --app'
    sh -c 'exec train-model --lr 1'
    bash -c "bash -c 'python train.py --lr 1'"
    sh -c 'exec python train.py "$@"' train --lr 1
    bash -c 'test -e x || exit' bash --lr 1
    bash -c "for i in 1 2; do python train.py --lr 1; done" """.splitlines(),
)
def test_launchers_are_looked_through(command):
    found = from_command(shlex.split(command))
    assert found.pop("lr") == 1
    assert found == {}


def test_a_container_without_a_script_tells_nothing():
    assert from_command(["docker", "run", "--gpus", "all", "image"]) == {}


def test_a_name_may_be_allowed():
    assert from_command(["train", "--my-token", "abc"], ["my_token"]) == {"my_token": "abc"}


SHELL_TEXT = "-- - --lr --no-x -c -m --a=b a=b ~a +a=1 0.1 -0.5 python bash torchrun env uv run ' \" $( \\"
words = st.one_of(
    st.text(max_size=8),
    st.sampled_from(SHELL_TEXT.split()),
)


@given(st.lists(words, max_size=8))
def test_no_command_line_raises(argv):
    for name, value in from_command(argv).items():
        assert isinstance(name, str)
        assert value is None or isinstance(value, str | int | float | bool)


@given(st.lists(words, max_size=6), st.sampled_from(["--api-key", "--hf-token", "--password"]))
def test_no_secret_is_a_parameter(argv, flag):
    assert "canary7" not in str(from_command(["python", "x.py", *argv, f"{flag}=canary7"]))


@pytest.mark.parametrize("words", ["sh -c 'echo epoch 1 loss=0.5'", 'bash -c "printf acc=%s 0.5"'])
def test_what_a_shell_line_prints_sets_nothing(words):
    assert from_command(shlex.split(words)) == {}


def test_what_stands_behind_the_text_of_another_interpreter_is_its_own_once():
    assert from_command(["python", "-c", "code", "x", "--lr", "1", "-v"]) == {"lr": 1, "v": True}
