"""Tokens as their issuers would make them: random, of no account, and put together here so that no scanner of this
repository finds one written down."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

_HEX = "0123456789abcdef"
_URL = string.ascii_letters + string.digits + "-_"


def maker(seed: int) -> Callable[..., str]:
    dice = random.Random(seed)

    def some(count: int, letters: str = string.ascii_letters + string.digits) -> str:
        return "".join(dice.choice(letters) for _ in range(count))

    return some


def tokens(seed: int) -> dict[str, str]:
    """Issuer -> one token."""
    r = maker(seed)
    return {
        "aws": "AK" + "IA" + r(16, string.ascii_uppercase + "234567"),
        "google": "AI" + "za" + r(35, _URL),
        "github": "gh" + "p_" + r(36),
        "github fine": "github" + "_pat_" + r(22) + "_" + r(59),
        "gitlab": "gl" + "pat-" + r(20, _URL),
        "hugging face": "h" + "f_" + r(34, string.ascii_letters),
        "openai": "sk-" + "proj-" + r(74, _URL) + "T3BlbkFJ" + r(74, _URL),
        "anthropic": "sk-" + "ant-api03-" + r(93, _URL) + "AA",
        "groq": "gs" + "k_" + r(52),
        "npm": "np" + "m_" + r(36),
        "slack": "xo" + "xb-" + r(12, string.digits) + "-" + r(12, string.digits) + "-" + r(24),
        "databricks": "da" + "pi" + r(32, _HEX),
        "digitalocean": "do" + "p_v1_" + r(64, _HEX),
        "replicate": "r8" + "_" + r(37),
        "nvidia": "nv" + "api-" + r(64, _URL),
        "sendgrid": "S" + "G." + r(22, _URL) + "." + r(43, _URL),
        "age": "AGE-SECRET" + "-KEY-1" + r(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
        "telegram": r(10, string.digits) + ":A" + "A" + r(33, _URL),
        "stripe": "sk_" + "live_" + r(24),
        "jwt": "ey" + "J" + r(30) + ".eyJ" + r(40) + "." + r(43, _URL),
        "openshift": "sha" + "256~" + r(43, _URL),
        "vault": "hv" + "s." + r(90, _URL),
        "azure": r(3) + "8" + "Q~" + r(34),
        "pulumi": "pu" + "l-" + r(40, _HEX),
        "langsmith": "lsv2" + "_pt_" + r(32, _HEX) + "_" + r(10, _HEX),
        "perplexity": "pp" + "lx-" + r(48),
    }


def named(seed: int) -> dict[str, str]:
    """A name that promises a secret -> a value that looks like one and has no shape of its own."""
    r = maker(seed)
    uuid = "-".join(r(n, _HEX) for n in (8, 4, 4, 4, 12))
    return {
        "WANDB_API_KEY": r(40, _HEX),
        "api_key": r(24),
        "db_password": "Tr0" + r(6) + "!7q",
        "client_secret": uuid,
        "HF_TOKEN": r(32),
        "secret_key": r(40),
        "token": r(40),
        "KEY": "canary" + "diff" + "0009",
    }


def pem(lines: int = 5) -> str:
    r = maker(1)
    body = "\n".join(r(64) for _ in range(lines))
    return f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{body}\n{r(24)}=\n-----END RSA PRIVATE {'KEY'}-----"
