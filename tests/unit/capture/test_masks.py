"""Masking logs: the secrets go, the metrics stay, wherever the stream is cut."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptrack.capture import masks, token_shapes
from exptrack.capture.masks import MARK, LogMasker, mask_bytes
from exptrack.capture.token_shapes import IN_TOKENS
from made_tokens import tokens

R = MARK.decode()
TOKEN = "hf_" + "aBcDeFgHiJ" * 3
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("token=canarystdout0008", f"token={R}"),
        ("password: hunter2", f"password: {R}"),
        ("password=12345", f"password={R}"),
        ("API_KEY='two words'", f"API_KEY='{R}'"),
        ('{"api_key": "x1", "lr": 0.1}', f'{{"api_key": "{R}", "lr": 0.1}}'),
        ('{\\"api_key\\": \\"x1\\"}', f'{{\\"api_key\\": \\"{R}\\"}}'),
        ("Namespace(hf_token='abc', lr=0.1)", f"Namespace(hf_token='{R}', lr=0.1)"),
        ("running train.py --api-key canary --lr 1", f"running train.py --api-key {R} --lr 1"),
        ("['--hf_token', 'canary', '--lr']", f"['--hf_token', '{R}', '--lr']"),
        ("\x1b[1;33mapi_key\x1b[0m=\x1b[32m'abc'\x1b[0m", f"\x1b[1;33mapi_key\x1b[0m=\x1b[32m'{R}'\x1b[0m"),
        ("  hf_token ........................ abcd", f"  hf_token ........................ {R}"),
        ("│ api_key │ abc │ 0.1 │", f"│ api_key │ {R} │ 0.1 │"),
        ("Authorization: Bearer abc.def", f"Authorization: {R}"),
        ("-H 'Authorization: Basic dXNlcjpwYXNz'", f"-H 'Authorization: {R}'"),
        ("GET https://u:p@h.com/x?token=abc123&x=1 ok", f"GET https://{R}@h.com/x?token={R}&x=1 ok"),
        (f"logged in with {TOKEN}.", f"logged in with {R}."),
        (f"loss: 0.5 {TOKEN} acc: 0.9", f"loss: 0.5 {R} acc: 0.9"),
        (f"key\n{PEM}\nloss: 0.5", f"key\n{R}\nloss: 0.5"),
        ("secret => s3cr3t", f"secret => {R}"),
        ("AWS_SECRET_ACCESS_KEY=a/b+c", f"AWS_SECRET_ACCESS_KEY={R}"),
        ("db_pass=x1, lr=0.1", f"db_pass={R}, lr=0.1"),
        (f"wandb: key={'0123456789abcdef' * 2}01234567", f"wandb: key={R}"),
    ],
)
def test_secrets_are_masked(line, masked):
    out, count = mask_bytes(line.encode())
    assert out.decode() == masked
    assert count == masked.count(R)
    assert mask_bytes(out) == (out, 0), "masking again changes nothing"


@pytest.mark.parametrize(
    "line",
    """tokens=512
tokens: 1234
token_acc: 0.93
key=value
loss_per_token 2.1
loss_per_token: 2.1
step 10 | tokens/s: 51234.5 | num_tokens: 8192 | loss 2.31
pad_token: '<pad>', eos_token=</s>, bos_token="<s>"
token: 1234ms pass: 100% token 5/200 token: 12.5k tok/s
{'token': 12,'loss': 0.5} {token:12,loss:0.5}
Tokenizer(name_or_path='gpt2', vocab_size=50257, model_max_length=1024)
Missing key(s) in state_dict: "layer1.0.weight", "fc2.bias"
missing key: module.layer12.attention.weight_0
test pass: True, auth: ok, token: hello
password: None, api_key=null, hf_token: ''
use_auth_token=True
author: Jane Doe
val/pass@1: 0.412  pass_rate=0.8
api_key: ${API_KEY}
token: <eos1>
keys: ['input_ids', 'attention_mask2']
key=/data/x1/y2""".splitlines(),
)
def test_metrics_and_tokenizers_stay(line):
    assert mask_bytes(line.encode()) == (line.encode(), 0)


@given(st.binary(max_size=300))
def test_any_bytes_pass(data):
    masked, count = mask_bytes(data)
    assert (masked == data) == (count == 0)


LOG = f"epoch 1 loss: 0.5\r50%|###\rtoken=canarystdout0008\n{TOKEN}\n{PEM}\nepoch 2 loss: 0.4\npassword: x".encode()


@given(st.lists(st.integers(0, len(LOG)), max_size=12))
def test_a_stream_is_masked_alike_wherever_it_is_cut(cuts):
    edges = [0, *sorted(cuts), len(LOG)]
    masker = LogMasker()
    pieces = [masker.feed(LOG[a:b]) for a, b in pairwise(edges)]
    assert (b"".join([*pieces, masker.finish()]), masker.count) == mask_bytes(LOG)


def test_a_stream_without_line_ends_is_not_held_for_ever():
    masker = LogMasker()
    out = sum(len(masker.feed(b"x" * 300_000)) for _ in range(10))
    assert out > 1_500_000
    assert out + len(masker.finish()) == 3_000_000


def test_a_key_without_an_end_does_not_hold_the_log_for_ever():
    masker = LogMasker()
    out = masker.feed(b"-----BEGIN RSA PRIVATE KEY-----\n") + masker.feed(b"loss: 0.5\n" * 200_000)
    assert out.count(b"loss: 0.5\n") == 200_000


@given(
    name=st.sampled_from(["api_key", "HF_TOKEN", "password", "client_secret", "db_password", "wandb_api_key"]),
    separator=st.sampled_from(["=", ": ", " = ", "':'", '": "', " => ", "=\x1b[32m"]),
    canary=st.text("abcdefgh0123456789", min_size=2, max_size=12).map(lambda t: "canary" + t),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_a_value_under_a_secret_name_never_stays(name, separator, canary, before, after):
    line = f"{before} {name}{separator}{canary} {after}"
    assert canary.encode() not in mask_bytes(line.encode())[0]


def test_a_stream_knows_where_it_was_masked():
    token = tokens(6)["hugging face"]
    masker = LogMasker()
    text = "".join(f"line {i}\n" + (f"token {token}\n" if i % 3 == 0 else "") for i in range(60)).encode()
    for a in range(0, len(text), 77):
        masker.feed(text[a : a + 77])
    masker.finish()
    expected = [n for n, line in enumerate(text.splitlines(), 1) if token.encode() in line]
    assert masker.count == len(expected) == 20
    assert masker.lines == expected[: LogMasker.LISTED]


@pytest.mark.parametrize("left", [0, 1 << 20])
@pytest.mark.parametrize("issuer", tokens(0))
def test_every_shape_of_the_list_is_masked_in_logs(issuer, left, monkeypatch):
    monkeypatch.setattr(masks, "_literally", left)  # both ways to look for them
    for seed in range(10):
        line = f"using {tokens(seed)[issuer]} now\n".encode()
        assert mask_bytes(line) == (b"using [redacted] now\n", 1)


def heads(tree: Any) -> set[str]:
    """The first characters of whatever a parsed expression matches, one or several ways, as far as they are fixed."""
    found = {""}
    for kind, value in tree:
        name = str(kind)
        if name == "LITERAL":
            found = {h + chr(value) for h in found}
        elif name == "IN" and all(str(k) == "LITERAL" for k, _ in value):
            found = {h + chr(c) for h in found for _, c in value}
        elif name == "SUBPATTERN":
            found = {h + more for h in found for more in heads(value[-1])}
        elif name == "BRANCH":
            found = {h + more for h in found for branch in value[1] for more in heads(branch)}
        elif name == "MAX_REPEAT" and value[:2] == (0, 1):
            found |= {h + more for h in found for more in heads(value[2])}
        else:
            break
    return found


def test_whatever_matches_a_token_holds_one_of_the_literals_looked_for_first() -> None:
    found = {head.encode() for head in heads(re._parser.parse(token_shapes.TOKEN.decode()))}
    assert len(found) > 70
    assert [head for head in found if not any(part in head for part in IN_TOKENS)] == []
    assert [part for part in IN_TOKENS if not any(part in head for head in found)] == []
