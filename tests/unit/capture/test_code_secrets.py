"""What is masked in code, and above all what is not: whatever goes is missing when the code is restored."""

from __future__ import annotations

import ast

import pytest

from exptrack.capture.code_secrets import entropy, find_secrets, lines_of, mask_code, value_id
from exptrack.capture.masks import MARK
from made_tokens import named, pem, tokens

SEEDS = range(25)


def masked(text: str, path: str = "train.py", allowed: tuple[str, ...] = ()) -> str:
    data = text.encode()
    return mask_code(data, find_secrets(data, path, allowed)).decode()


@pytest.mark.parametrize("issuer", tokens(0))
def test_known_shapes_are_masked_whatever_they_stand_in(issuer: str) -> None:
    left = []
    for seed in SEEDS:
        token = tokens(seed)[issuer]
        for frame in ('x = client("{}")\n', "# {}\n", "curl -H 'X-Auth: {}' x\n", '{{"a": "{}", "b": 1}}\n'):
            if token in (found := masked(frame.format(token))):
                left.append(found)
            else:
                assert found == frame.format(MARK.decode())
    # One in some hundreds of random tokens happens to look like an example (`1234`, `test`).
    assert len(left) <= 4, left


@pytest.mark.parametrize(
    "line",
    [
        'x = "@"'.replace("@", "ghp_" + "0123456789abcdefghijklmnopqrstuvwxyz"),
        'x = "@"'.replace("@", "sk-" + "1234567890abcdefghijklmnopqrstuv"),
        'x = "@"'.replace("@", "AKIA" + "1234567890ABCDEF"),
        'password = "@"'.replace("@", "hunter2hunter2"),
        'api_key = "@"'.replace("@", "canary-config-0010"),
        '"db_password": "@",'.replace("@", "test-password-1234"),
    ],
)
@pytest.mark.parametrize("path", ["train.py", "config.yaml"])
def test_no_randomness_is_needed_of_a_whole_token_or_of_a_bad_password(line: str, path: str) -> None:
    """What somebody typed by hand is a secret too; only what says that it is none stays."""
    found = masked(line + "\n", path)
    value = line.split('"')[-2]
    assert found == line.replace(value, MARK.decode()) + "\n"


@pytest.mark.parametrize("name", named(0))
def test_random_literals_under_secret_names_are_masked(name: str) -> None:
    for seed in SEEDS:
        value = named(seed)[name]
        for frame in ('{} = "{}"\n', "{}='{}',\n", '{}: str = "{}"\n', "{}: str | None = '{}'\n", '"{}": "{}",\n'):
            assert masked(frame.format(name, value)) == frame.format(name, MARK.decode())
        if name not in ("KEY",):
            assert value not in masked(f'os.environ["{name}"] = "{value}"\n')


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("config.yaml", "db:\n  password: {}\n"),
        ("setup.cfg", "api_key = {}\n"),
        ("run.sh", "export WANDB_API_KEY={}\n"),
        ("run.sh", "python train.py --api-key {} --lr 1\n"),
        ("job.slurm", "export HF_TOKEN={}; srun x\n"),
        ("Dockerfile", "ENV HF_TOKEN={}\n"),
        ("x/netrc.old", "machine api.wandb.ai login user password {}\n"),
        ("notes.txt", "machine api.wandb.ai\n  login user\n  password {}\n"),
        ("train.py", 'os.environ.setdefault("WANDB_API_KEY", "{}")\n'),
        ("db.py", 'URL = "postgresql://ada:{}@db.example.org/runs"\n'),
    ],
)
def test_where_values_have_no_quotes(path: str, text: str) -> None:
    assert masked(text.format("8f3kQ92mzLpX4v"), path) == text.format(MARK.decode())


STAYS = [
    "password = get_password()",
    'password = getpass("password: ")',
    'token = os.environ["HF_TOKEN"]',
    'api_key = os.getenv("OPENAI_API_KEY", "")',
    'client = OpenAI(api_key="sk-test")',
    'api_key = "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
    'api_key="YOUR_API_KEY_HERE_0001"',
    'HF_TOKEN = "hf_your_token_goes_here_please"',
    'aws = "AKIAIOSFODNN7EXAMPLE"',
    'password = "changeme2024"',
    'password: "${DB_PASSWORD}"',
    'secret = "{{ vault_secret_01 }}"',
    'api_key = "<insert-key-0123>"',
    'run_id = "550e8400-e29b-41d4-a716-446655440000"',
    'commit = "8ab4dae6b539d190e3fb4e7af9af8ab4dae6b539"',
    'cache_key = "8ab4dae6b539d190e3fb4e7af9af8ab4dae6b539"',
    'key = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    '"integrity": "sha512-9pKdX3bZ0r8jH1f0Qq2L5uVnYc7TgW4mE6sA8dFhJkLzXcVbNmQwErTyUiOpAsDf=="',
    'hash = "sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    'key = "arrow-datasets/nyc-taxi/year=2019/month=6/part-0.parquet"',
    'key = "module.encoder.layer.11.attention.self.query.weight"',
    'pad_token = "<|endoftext|>"',
    'special_token = "[unused_token_0001]"',
    'tokenizer = "bert-base-multilingual-cased-v2-2024"',
    'metric_key = "val_acc_top5_2024_final_model"',
    'secret_name = "prod-db-credentials-2024"',
    'PASSWORD_HASHERS = ["pbkdf2_sha256_v2"]',
    'key = "train_loss_epoch_12"',
    'token = "ModelForCausalLM2"',
    'auth_url = "https://login.example.org/oauth2/v2.0/token"',
    "url = 'http://user:password@host/x'",
    'image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"',
    'if "-----BEGIN RSA PRIVATE KEY-----" in text:',
    "sk-circle-fade-dot-animation-delay-list { }",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
    "Authorization: Bearer $HF_TOKEN",
    "tokens = 512; max_tokens=2048; key=lambda x: x[1]",
]


@pytest.mark.parametrize("line", STAYS)
@pytest.mark.parametrize("path", ["train.py", "config.yaml"])
def test_what_is_no_secret_stays(line: str, path: str) -> None:
    assert masked(line + "\n", path) == line + "\n"


@pytest.mark.parametrize("comment", ["exptrack: allow-secret", "gitleaks:allow", "pragma: allowlist secret"])
def test_a_comment_allows_what_stands_on_its_line(comment: str) -> None:
    token = tokens(3)["github"]
    text = f'a = "{token}"  # {comment}\nb = "{token}"\n'
    assert masked(text) == f'a = "{token}"  # {comment}\nb = "{MARK.decode()}"\n'


def test_a_name_that_is_allowed_keeps_its_value_but_not_a_known_shape() -> None:
    value, token = named(1)["api_key"], tokens(1)["github"]
    text = f'demo_key_api_key = "{value}"\n'
    assert value not in masked(text)
    assert masked(text, allowed=("demo_key_api_key",)) == text
    assert token not in masked(f'demo_key_api_key = "{token}"\n', allowed=("demo_key_api_key",))


def test_a_value_that_is_listed_by_its_digest_stays_and_no_other() -> None:
    value, token, key = named(1)["api_key"], tokens(1)["github"], pem()
    text = f'api_key = "{value}"\nx = "{token}"\nKEY = """{key}"""\n'
    whole = text.encode()
    ids = [value_id(whole[slice(*span)]) for span in find_secrets(whole)]
    assert ids == [value_id(v.encode()) for v in (value, token, key)]
    assert masked(text, allowed=tuple(ids)) == text
    left = masked(text, allowed=(ids[1], "other"))
    assert value not in left
    assert token in left
    assert key not in left
    # A part of what would be masked is another value.
    assert token not in masked(f"url = 'https://ada:x9{token}@h/x'\n", allowed=(ids[1],))


@pytest.mark.parametrize("frame", ['KEY = """{}"""\n', "{}\n", 'k = "{}"\n'])
def test_a_private_key_keeps_its_lines_and_quotes(frame: str) -> None:
    text = frame.format(pem().replace("\n", "\\n") if frame.startswith("k") else pem())
    found = masked(text)
    assert found.count("\n") == text.count("\n")
    for line in pem().splitlines()[1:-1]:
        assert line not in found
        assert line[:10] not in found
    if frame.startswith("K"):
        ast.parse(found)


def test_code_can_still_be_parsed_and_lines_are_named() -> None:
    found = tokens(5)
    text = "import os\n\n" + "".join(f"x{i} = '{token}'\n" for i, token in enumerate(found.values()))
    ast.parse(masked(text))
    spans = find_secrets(text.encode())
    assert lines_of(text.encode(), spans) == [3 + i for i in range(len(found))]


def test_of_two_secrets_that_overlap_nothing_is_left() -> None:
    token = tokens(9)["github"]
    for text in (f"url = 'https://ada:x9{token}@h/x'\n", f"Bearer 9x.{token}.z8\n", f"api_key = '9Zx.{token}.7Qy'\n"):
        found = masked(text)
        assert token[:12] not in found
        assert token[-12:] not in found
        assert found.count(MARK.decode()) == 1


def test_entropy_is_shannons() -> None:
    assert entropy(b"aaaa") == 0
    assert entropy(b"abcd") == 2
