"""Secrets in code, judged much more strictly than in logs: what is masked here is missing when the code is restored.

Two rules: a known token shape, and a literal that looks random and is assigned to a name that promises a secret. For
both, how random the text looks is a second opinion: examples, placeholders, words, hashes and UUIDs stay. A line that
says `exptrack: allow-secret` (or what gitleaks and detect-secrets have for it) is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from itertools import pairwise
from math import log2

from exptrack.capture.masks import MARK, compiled, merged, other_spans, token_spans
from exptrack.capture.secret_names import NO, PASSWORD, ROOTS, STRONG, is_secret_name, secrecy
from exptrack.policy_keys import BY_DIGEST

ALLOWED_LINE = rb"(?i)exptrack: *allow-secret|gitleaks:allow|pragma: *(?:allowlist|whitelist) +secret"
# Names of files in which a value needs no quotes.
_BARE = "yaml yml ini cfg conf config properties sh bash zsh slurm sbatch"
_BARE_NAMES = ("dockerfile", "containerfile", "makefile", "netrc")

_IN_NAMES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_NAME = rb"(?P<name>[A-Za-z_][\w.-]{0,63})"
_BEHIND = (
    # a = 1, a: str | None = 1, "a": 1, x["a"] = 1
    rb"(?:[\"'`]?\]?[ \t]*(?::[ \t]*[A-Za-z][\w.\[\]|]{0,40}[ \t]*(?:\|[ \t]*\w+[ \t]*)?)?(?:=>|:=|=(?!=)|:)"
    rb"|(?(call)[\"'`],|(?!)))[ \t]*"  # environ.get("a", 1)
)
_QUOTED = rb"[bBrRuU]{0,2}(?P<quote>[\"'`])(?P<quoted>[^\s\"'`]{8,512})(?P=quote)"
_UNQUOTED = rb"(?P<bare>[^\s\"'`;,&|()\[\]{}<>]{8,512})(?=[;&#\s]|$)"
# What a name can end in and then holds no secret, only says where or how it is kept.
_NOT_VALUES = frozenset(
    b"name names id ids path paths file files filename dir url uri urls endpoint host arn ref reference field fields "
    b"type types kind length len size env var variable header prefix suffix version class cls policy store manager "
    b"provider regex pattern format label hint help prompt message error title column col index idx attr attribute "
    b"property option flag arg param hasher hashers hash digest fingerprint checksum alias doc desc description".split()
)
_PLACEHOLDER = rb"(?i)sampl|fake|mock|test|foo.?bar|lorem|secret|passw|token|0123|1234|abcd|qwert|deadbeef|localhost"
# What nobody can be given as a token, also behind its prefix.
_NOT_MEANT = rb"(?i)exampl|placehold|change.?me|your|dummy|redact|replace|insert|todo|(.)\1{4}|undefined"
_REFERENCE = rb"(?i)[{}<>]|\$[({]|%\(|%[sdr]|\\[xu]|^[/~.$@*-]|\.\.\.|^[a-z]:\\|://|^(?:env|vault|file|ssm|arn|op):"
_HASH = rb"(?i)(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})"
_UUID = rb"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WORDS = rb"[A-Za-z]+\d{0,4}|\d{1,4}|[A-Za-z]\d{1,4}[A-Za-z]?"
_PARTS = rb"[_\-./:,+ ]+"
_PREFIX = rb"AGE-SECRET-KEY-1|[rs]k_(?:test|live)_|[A-Za-z0-9]{2,12}(?:_v\d)?[_.~-]"
_PEM = rb"(-----BEGIN [^-]+-----|-----END [^-]+-----|\\[nr])|[0-9A-Za-z+/=]{4,}"
_PEM_BODY = rb"[0-9A-Za-z+/=]{16,}"
_CLASSIC = rb"[0-9A-Za-z+/_-]+={0,2}"
LONGEST_TOKEN = 2048


def find_secrets(data: bytes, path: str = "", allowed: Collection[str] = ()) -> list[tuple[int, int]]:
    """Spans of the secrets in one file's text, in order, none overlapping another. `path` says how to read it (in YAML
    a value needs no quotes); `allowed`: names whose values are none, and values that are none, by `value_id`."""
    spans = merged([*_shapes(data), *_named(data, _is_bare(path), allowed)])
    return [span for span in spans if not _is_allowed(data, span[0]) and not _is_listed(data[slice(*span)], allowed)]


def value_id(value: bytes) -> str:
    """What stands in the policy file for a value: the file is in the snapshot too, so not the value itself."""
    from exptrack.sha256 import sha256

    return BY_DIGEST + sha256(value).hexdigest()


def _is_listed(value: bytes, allowed: Collection[str]) -> bool:
    return any(a.startswith(BY_DIGEST) for a in allowed) and value_id(value) in allowed


def mask_code(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    """The text with every span as `[redacted]`; line ends inside one stay, so that lines keep their numbers."""
    parts, at = [], 0
    for start, end in spans:
        parts += [data[at:start], _hide_key(data[start:end]) if data.startswith(b"-----BEGIN ", start) else MARK]
        at = end
    return b"".join([*parts, data[at:]])


def _hide_key(text: bytes) -> bytes:
    """A private key as a frame without its body: quotes and line ends, also written ones (`\\n`), stay."""
    return compiled(_PEM).sub(lambda m: m[1] or MARK, text)


def lines_of(data: bytes, spans: list[tuple[int, int]], first: int = 1) -> list[int]:
    """The line each span begins in, `first` being the number of the first."""
    lines, at, number = [], 0, first
    for start, _ in spans:
        number += data.count(b"\n", at, start)
        at = start
        lines.append(number)
    return lines


def _is_bare(path: str) -> bool:
    base = path.lower().rpartition("/")[2]
    return base.rpartition(".")[2] in _BARE.split() or base.startswith(_BARE_NAMES)


def _is_allowed(data: bytes, at: int) -> bool:
    end = data.find(b"\n", at)
    return bool(compiled(ALLOWED_LINE).search(data, data.rfind(b"\n", 0, at) + 1, end if end >= 0 else len(data)))


def _shapes(data: bytes) -> Iterator[tuple[int, int]]:
    for start, end in token_spans(data):
        token = data[start:end]
        prefix = compiled(_PREFIX).match(token)
        if len(token) <= LONGEST_TOKEN and is_random(token[prefix.end() if prefix else 4 :]):
            yield start, end
    for start, end in other_spans(data):
        text = data[start:end]
        if text.startswith(b"-----BEGIN "):
            if compiled(_PEM_BODY).search(text, text.find(b"-----", 11)):
                yield start, end
        elif text.startswith(b"eyJ"):
            yield start, end
        elif data[end : end + 1] == b"@":
            password = text.partition(b":")[2]
            if len(password) >= 8 and _is_value(password, PASSWORD):
                yield end - len(password), end
        elif data[max(0, start - 12) : start].rstrip().endswith(b"password"):  # a line of a netrc
            if len(text) >= 8 and _is_value(text, PASSWORD):
                yield start, end
        elif len(text) >= 20 and is_random(text):
            yield start, end


def _named(data: bytes, is_bare: bool, allowed: Collection[str]) -> Iterator[tuple[int, int]]:
    lower, assignment = data.lower(), _assignment(is_bare)
    for root in ROOTS:
        if root.encode() not in lower:
            continue
        for found in _promise(root.encode(), is_bare).finditer(lower):
            # A name may hold its root anywhere: where it begins is looked for backwards.
            begin = found.start()
            left = data[max(0, begin - 48) : begin]
            begin -= len(left) - len(left.rstrip(_IN_NAMES))
            begin -= 2 * (data[begin - 2 : begin] in (b'("', b"('"))
            match = assignment.match(data, begin)
            if match and (span := _judge(match, allowed)):
                yield span


@cache
def _promise(root: bytes, is_bare: bool) -> re.Pattern[bytes]:
    """The few places where what follows a root looks like an assignment: found by C loops, judged later."""
    value = rb"[ \t:=]" if is_bare else rb"[:=,][^\n\"'`]{0,48}[\"'`]"
    return re.compile(root + rb"(?=[\w.-]{0,40}[\"'`]?\]?[ \t]*" + value + rb")")


@cache
def _assignment(is_bare: bool) -> re.Pattern[bytes]:
    start, behind, value = rb"(?P<call>\([\"'`])?", _BEHIND, _QUOTED
    if is_bare:
        start, value = start + rb"(?P<flag>--)?", rb"(?:" + _QUOTED + rb"|" + _UNQUOTED + rb")"
        behind = rb"(?:" + _BEHIND + rb"|(?(flag)[ \t]+|(?!)))"  # --api-key 1
    return re.compile(start + _NAME + behind + value, re.M)


def _judge(match: re.Match[bytes], allowed: Collection[str]) -> tuple[int, int] | None:
    name = match["name"].decode("ascii", "replace").rstrip(".-")
    grade = secrecy(name)
    if grade == NO or (allowed and not is_secret_name(name, allowed)) or _says_where(match["name"]):
        return None
    group = "quoted" if match["quote"] else "bare"
    value = match[group]
    if grade < STRONG and not (_is_key(value) or (name in ("KEY", "TOKEN") and _is_constant(value))):
        return None
    return match.span(group) if _is_value(value, grade) else None


def _says_where(name: bytes) -> bool:
    words = re.findall(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return bool(words) and words[-1].lower() in _NOT_VALUES


def _is_value(value: bytes, grade: int) -> bool:
    """Does it look like a password or key that somebody was given? With several digits words are one too, only a bad
    one; everything else has to look random."""
    if compiled(_NOT_MEANT).search(value) or compiled(_REFERENCE).search(value):
        return False
    digits, letters = _counts(value)
    if grade >= STRONG and letters > 2 and digits > 1 and not _is_hash(value) and entropy(value) >= 2.5:
        return True
    return _looks_random(value, grade)


def _looks_random(value: bytes, grade: int) -> bool:
    """Mixed, no words, no example."""
    if compiled(_PLACEHOLDER).search(value) or (grade < PASSWORD and len(value) < 12):
        return False
    digits, letters = _counts(value)
    signs = len(value) - digits - letters
    has_signs = grade == PASSWORD and signs > 0 and digits + signs > 1
    if not letters or not (digits > 1 or has_signs or _switches(value) >= (3 if digits else 6)):
        return False
    parts = compiled(_PARTS).split(value)
    if len(parts) > 1 and all(compiled(_WORDS).fullmatch(p) for p in parts if p):
        return False
    return entropy(value) >= (2.5 if len(value) < 12 else 3.0)


def _is_key(value: bytes) -> bool:
    """For names like `key` and `token` alone, which are more often something else: base64 and no path."""
    if len(value) < 24 or not compiled(_CLASSIC).fullmatch(value) or _is_hash(value):
        return False
    words = sum(1 for p in compiled(_PARTS).split(value) if len(p) > 2 and compiled(_WORDS).fullmatch(p))
    return words < 2 and (_counts(value)[0] >= 4 or _switches(value) >= 8) and entropy(value) >= 3.8


def _is_constant(value: bytes) -> bool:
    """KEY = "…" with nothing but letters and several digits."""
    return len(value) >= 12 and value.isalnum() and not _is_hash(value) and (_counts(value)[0] >= 3 or len(value) >= 20)


def _is_hash(value: bytes) -> bool:
    return bool(compiled(_HASH).fullmatch(value) or compiled(_UUID).search(value))


def is_random(text: bytes) -> bool:
    """What stands behind a token's prefix: no example, no words in a row, as mixed as issuers' generators make it."""
    if len(text) < 12 or compiled(_NOT_MEANT).search(text):
        return False
    is_mixed = text.isalnum() or _counts(text)[0] >= 2 or _switches(text) >= 6
    return is_mixed and entropy(text[:64]) >= (3.0 if len(text) > 16 else 2.6)


def _counts(text: bytes) -> tuple[int, int]:
    """(digits, letters)."""
    return sum(48 <= c <= 57 for c in text), sum(65 <= c <= 90 or 97 <= c <= 122 for c in text)


def _switches(text: bytes) -> int:
    """How often capitals (and digits) and small letters change places: seldom in words, every other time in tokens."""
    return sum((a < 91) != (b < 91) for a, b in pairwise(text.translate(None, b"_-. ")))


def entropy(text: bytes) -> float:
    """Shannon's, in bits a character: 20 random letters and digits have about 4, words 3, hexadecimal at most 4."""
    counts = [text.count(bytes((c,))) for c in set(text)]
    return -sum(n / len(text) * log2(n / len(text)) for n in counts)
