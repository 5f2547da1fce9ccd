"""What enters the store: no canary, however it came, and every parameter that is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.capture import masks
from exptrack.capture.redact import (
    REDACTED,
    allowed_variables,
    clean_url,
    is_secret_file,
    is_secret_name,
    mask_text,
    redact_argv,
    redact_mapping,
)

words = str.split

SECRET_NAMES = words(
    """api-key api_key apikey API_KEY hf_token HF_TOKEN HF_TOKEN_2 hfToken HFToken token TOKEN key secret
    client-secret password db_password MY_DB_PASSWORD PGPASSWORD passwd pass db-pass auth auth-token authToken
    AWS_SECRET_ACCESS_KEY aws_session_token WANDB_API_KEY wandb_key credentials private-key ssh_key encryption_key
    GITHUB_TOKEN gitlab.token logger.wandb.api_key access_tokens bearer MYSQL_PWD basic_auth my_token"""
)
PLAIN_NAMES = words(
    """lr max_tokens num-keys tokenizer tokens max_new_tokens num_key_value_heads key_dim monkey keyboard
    turkey
    pad_token eos-token-id loss_per_token token_acc forward_pass passes bypass compass author authority sort_key
    label_key image-key credit tokenizer_name keys key_padding_mask hockey n_key prefix_token_length epochs
    use_cache path pwm detokenize first_pass metric_key no_auth"""
)
TOKENS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 10,
    "glpat-" + "abcd1234" * 3,
    "hf_" + "aBcDeFgHiJ" * 3,
    "sk-" + "a1B2c3D4" * 6,
    "sk-ant-api03-" + "a1_B2-c3D4" * 6,
    "sk-proj-" + "a1B2c3D4" * 6,
    "sk_live_" + "a1B2c3D4" * 3,
    "xoxb-123456789012-abcdefGHIJ",
    "AIza" + "a1B2c" * 7,
    "npm_" + "a1B2" * 9,
    "pypi-AgEIcHlwaS5vcmc" + "a1B2" * 12,
    "nvapi-" + "a1B2" * 12,
    "hvs." + "a1B2" * 8,
    "ya29.a0" + "a1B2-" * 8,
    "dapi" + "0123456789abcdef" * 2,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabcd==\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n" + "A1b2" * 16,
]
canaries = st.text("abcdefghijkmnpqrstuvwxyz", min_size=3, max_size=12).map(lambda t: f"canary{t}0007")


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_names(name):
    assert is_secret_name(name)
    assert is_secret_name(name.lower())


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_plain_names(name):
    assert not is_secret_name(name)
    assert not is_secret_name(name.upper())


def test_a_name_may_be_allowed():
    assert not is_secret_name("my-token", ["my_token"])
    assert is_secret_name("my_token", ["my"])


@given(canary=canaries, name=st.sampled_from(SECRET_NAMES), form=st.integers(0, 6), dashes=st.sampled_from(["-", "--"]))
def test_no_form_of_flag_leaks_its_value(canary, name, form, dashes):
    forms = [
        [f"{dashes}{name}", canary],
        [f"{dashes}{name}={canary}"],
        [f"{name}={canary}"],
        [f"++{name}={canary}"],
        ["-e", f"{name}={canary}"],
        ["bash", "-c", f"{name}={canary} python train.py --lr 1"],
        ["bash", "-c", f"python train.py {dashes}{name} {canary} --lr 1"],
    ]
    argv = ["python", "train.py", *forms[form], "--lr", "0.1"]
    out = redact_argv(argv)
    assert canary not in " ".join(out)
    assert (out[0], out[-2:]) == ("python", ("--lr", "0.1"))


@given(
    canary=canaries,
    before=st.lists(st.text(max_size=12), max_size=4),
    after=st.lists(st.text(max_size=12), max_size=4),
)
def test_a_flag_value_is_redacted_whatever_stands_around_it(canary, before, after):
    assert canary not in " ".join(redact_argv([*before, f"--api-key={canary}", *after]))


@given(st.lists(st.text(max_size=30), max_size=6))
def test_the_number_of_arguments_stays(argv):
    assert len(redact_argv(argv)) == len(argv)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["{}", "x {} y", '"{}"', "url={}", "--model={}", "a/{}/b", "é{}"])
def test_token_shapes_are_found_anywhere(token, around):
    out = mask_text(around.format(token))
    assert REDACTED in out
    assert token[:16] not in out
    assert token[-8:] not in out


def test_a_word_is_not_a_token():
    for text in (
        "outputs/hf_models/run-2024-11-02_baseline_large",
        "0123456789abcdef" * 4,
        "risk-adjusted-returns-over-time",
    ):
        assert mask_text(text) == text


def test_an_ordinary_command_is_left_alone():
    argv = words(
        """torchrun --nproc_per_node 8 train.py --lr 1e-4 --max-tokens 512 --num-keys 4 --tokenizer data/tok
        --pad-token <pad>
        --label-key y model.key_dim=64 +trainer.max_epochs=3 data=/mnt/x.csv https://host:8080/a@b --no-auth --token 5
        --use-auth-token true --sort-key name"""
    )
    assert list(redact_argv(argv)) == argv


def test_an_allowed_name_keeps_its_value():
    argv = ["train.py", "--my-token", "abc", "my_token=abc", "x my_token=abc"]
    assert list(redact_argv(argv, ["my_token"])) == argv


def test_a_switch_does_not_swallow_the_next_flag():
    assert redact_argv(["--use-auth-token", "--lr", "0.1"]) == ("--use-auth-token", "--lr", "0.1")


def test_the_rest_of_a_shell_text_stays():
    text = "export HF_TOKEN=abc; python train.py --api-key X --lr 0.1 --token $HF_TOKEN"
    assert redact_argv(["bash", "-c", text])[2] == (
        f"export HF_TOKEN={REDACTED}; python train.py --api-key {REDACTED} --lr 0.1 --token $HF_TOKEN"
    )


def test_json_and_urls_in_arguments():
    assert redact_argv(['{"api_key":"abc","lr":1}']) == (f'{{"api_key":"{REDACTED}","lr":1}}',)
    assert redact_argv(["https://h/x?token=abcd1&y=2"]) == (f"https://h/x?token={REDACTED}&y=2",)
    assert redact_argv(["postgres://me:pw@db/x"]) == (f"postgres://{REDACTED}@db/x",)


def test_bytes_that_are_no_text_pass():
    assert redact_argv(["caf\udce9", "--api-key=\udce9"]) == ("caf\udce9", f"--api-key={REDACTED}")


def test_parameters_keep_everything_but_secrets():
    params = {"lr": 0.1, "hf_token": "abc", "password": 12345, "use_auth": True, "token": None, "n": "hf_" + "a1" * 15}
    expected = {**params, "hf_token": REDACTED, "password": REDACTED, "n": REDACTED}
    assert redact_mapping(params) == expected
    assert redact_mapping(params, ["hf_token", "password"])["hf_token"] == "abc"


@pytest.mark.parametrize(
    ("remote", "clean"),
    [
        ("https://user:canary@git.example/a.git", "https://git.example/a.git"),
        ("https://canary@git.example/a.git", "https://git.example/a.git"),
        ("https://git.example:8443/a.git", "https://git.example:8443/a.git"),
        ("https://u:can@ary@git.example/a", "https://git.example/a"),
        ("ssh://git@git.example:22/a.git", "ssh://git@git.example:22/a.git"),
        ("ssh://git:canary@git.example/a.git", "ssh://git@git.example/a.git"),
        ("git@git.example:team/a.git", "git@git.example:team/a.git"),
        ("https://git.example/a?private_token=canary1", f"https://git.example/a?private_token={REDACTED}"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("", ""),
    ],
)
def test_remotes_lose_their_credentials(remote, clean):
    assert clean_url(remote) == clean


def test_variables_come_from_the_list_only():
    env = {
        "CUDA_VISIBLE_DEVICES": "0,1",
        "SLURM_JOB_ID": "7",
        "HF_HOME": "/data/hf",
        "HF_TOKEN": "canary",
        "CUDA_API_KEY": "canary",
        "SLURM_JWT_TOKENS": "canary",
        "SLURM_JWT": "canary",
        "TORCH_PASSTHROUGH": "canary",
        "HOME": "/home/me",
        "TF_VAR_db": "terraform",
        "TOKENIZERS_PARALLELISM": "false",
        "MY_FLAG": "1",
        "NCCL_X": "ghp_" + "a1" * 18,
    }
    assert allowed_variables(env) == {
        "CUDA_VISIBLE_DEVICES": "0,1",
        "SLURM_JOB_ID": "7",
        "HF_HOME": "/data/hf",
        "NCCL_X": REDACTED,
    }
    more = allowed_variables(env, ["TOKENIZERS_PARALLELISM", "MY_*", "HF_TOKEN", "*"])
    assert more["TOKENIZERS_PARALLELISM"] == "false"
    assert (more["MY_FLAG"], more["HOME"]) == ("1", "/home/me")
    assert "canary" not in str(more)


@pytest.mark.parametrize(
    "path",
    words(
        """.env a/.env .env.local .env.production prod.env server.pem tls/x.key id_rsa .ssh/id_ed25519 id_rsa.bak .netrc
    .pgpass credentials.json .aws/credentials service-account.json my_service_account_prod.json kaggle.json .npmrc
    .pypirc
    x.p12 x.PFX a.keystore .htpasswd .git-credentials .streamlit/secrets.toml .docker/config.json .envrc"""
    ),
)
def test_secret_files(path):
    assert is_secret_file(path)


@pytest.mark.parametrize(
    "path",
    words(
        """.env.example .env.sample .env.template example.env environment.yml env.py keys.py train.py id_rsa.pub
    id_map.json tokenizer.json config.json monkey.jpg credentials.py pem.txt .environment secrets.py src/env/a.py"""
    ),
)
def test_other_files(path):
    assert not is_secret_file(path)


def test_nothing_is_compiled_for_an_ordinary_command():
    masks.compiled.cache_clear()
    redact_argv(
        ["python", "train.py", "--lr", "0.1", "--epochs=3", "--data", "/mnt/data/imagenet-1k/train", "-b", "32"]
    )
    assert masks.compiled.cache_info().currsize == 0
