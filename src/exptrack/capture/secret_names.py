"""Does a name (variable, flag, key of a config) promise a secret, and how surely?

Judged by its words, not by substrings: `api_key`, `HFToken` and `PGPASSWORD` are secrets; `max_tokens`, `pad_token`,
`num_key_value_heads`, `monkey` and `forward_pass` are not. Imported before the child starts: `re` only where needed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

NO = 0
WEAK = 1  # `token`, `key`, `pass`, `auth` alone: a secret on a command line, often something else in a log
STRONG = 2
PASSWORD = 3  # even a plain number is one

ROOTS = ("token", "key", "secret", "pass", "auth", "cred", "pwd", "cookie", "bearer")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PASSWORD_WORDS = _set(
    "secret secrets password passwords passwd passphrase passphrases passcode pwd credential credentials cred creds "
    "htpasswd pgpassword sshpass dbpass userpass adminpass rootpass smtppass mypass"
)
_STRONG_WORDS = _set(
    "apikey apikeys accesskey secretkey privatekey privkey signingkey sshkey authkey masterkey sharedkey licensekey "
    "encryptionkey passkey bearer authorization cookie cookies"
)
_PASSWORD_ENDS = ("password", "passwd", "secret", "passphrase")
_ISSUERS = _set(
    "access account admin amazon anthropic api app auth aws azure bot client clearml cohere comet databricks "
    "deploy discord docker gcp gemini gh github gitlab google groq hf hub huggingface kaggle login mistral mlflow "
    "neptune npm oauth openai openrouter personal pinecone private pypi redis refresh registry replicate root "
    "sas secret security server service session slack snowflake storage stripe sudo telegram together user vault "
    "wandb webhook write"
)
_KEY_ISSUERS = _ISSUERS | _set("aes encryption gpg hmac license master pgp rsa shared signing ssh")
_PASS_ISSUERS = _ISSUERS | _set("database db email ftp http https mail mysql pg postgres proxy smtp ssh")
# A quantity of them, or the special tokens of a tokenizer, or the key of a table or an attention head.
_QUANTITIES = _set("num number n max min avg mean total count per nr no disable skip without dim size")
_PLAIN_TOKENS = _set(
    "pad eos bos unk sep cls mask special next prev previous last first new each stop start end begin image audio "
    "video vision tool additional prefix suffix in out input output text target source src tgt lang language sub "
    "multi single pre post any every word char byte decoder encoder forced fim think sos eot blank fill content "
    "generated predicted gold query trigger concept placeholder instance class register eod eom"
)
_PLAIN_KEYS = _set(
    "sort primary foreign index public pub cache json map group partition row column feature features label "
    "labels metric monitor loss score batch image img text target input output obs observation state action reward "
    "query value hash dedup lookup join merge order unique missing unexpected prompt response question answer data "
    "dataset sample id name time date timestamp mask weight attention cross prng rng random jax reduce filter "
    "attn param params config dict ckpt checkpoint module model key hot tar annotation caption"
)
_PLAIN_PASSES = _set(
    "forward backward first second third single double multi one two low high band all last next current must did "
    "test tests training train eval warmup render"
)
_AUTH_CARRIERS = _set("code header string value data")
_WORDS: re.Pattern[str] | None = None


def is_secret_name(name: str, allowed: Collection[str] = ()) -> bool:
    """True when a value given under this name has to be kept out of the store. `allowed`: whole names that may pass,
    with `-` and `_` taken as the same."""
    flat = name.replace("-", "_")
    return secrecy(name) != NO and not any(flat == a.replace("-", "_") for a in allowed)


@lru_cache(maxsize=4096)
def secrecy(name: str) -> int:
    """NO, WEAK, STRONG or PASSWORD."""
    lower = name.lower()
    if not any(root in lower for root in ROOTS):
        return NO
    words = _split(name)
    if not words:
        return NO
    if any(w in _PASSWORD_WORDS or w.endswith(_PASSWORD_ENDS) for w in words):
        return WEAK if words == ["pwd"] else PASSWORD
    if any(w in _STRONG_WORDS for w in words):
        return STRONG
    if not _QUANTITIES.isdisjoint(words):
        return NO
    return _by_last_word(words[-1], words[-2] if len(words) > 1 else "")


def _by_last_word(last: str, before: str) -> int:
    if last == "token":
        return _grade(before, _ISSUERS, _PLAIN_TOKENS)
    if last.endswith("token"):
        return _grade(last[:-5], _ISSUERS, _PLAIN_TOKENS)
    if last == "tokens":
        return WEAK if before in ("access", "api", "auth", "bearer", "refresh", "hf", "github") else NO
    if last == "key":
        return _grade(before, _KEY_ISSUERS, _PLAIN_KEYS)
    if last == "keys":
        return WEAK if before in _KEY_ISSUERS else NO
    if last == "pass":
        grade = _grade(before, _PASS_ISSUERS, _PLAIN_PASSES)
        return PASSWORD if grade == STRONG else grade
    if before == "auth" and last in _AUTH_CARRIERS:
        return STRONG
    return WEAK if last in ("auth", "oauth") else NO


def _grade(before: str, issuers: frozenset[str], plain: frozenset[str]) -> int:
    if before in issuers:
        return STRONG
    return NO if before in plain else WEAK


def _split(name: str) -> list[str]:
    """Words of snake_case, kebab-case and camelCase; digits tell nothing (`HF_TOKEN_2`)."""
    global _WORDS
    if _WORDS is None:
        _WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
    return [w.lower() for w in _WORDS.findall(name)]
