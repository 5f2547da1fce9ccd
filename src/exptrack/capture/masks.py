"""Bytes in, the same bytes with `[redacted]` where a secret stood: token-shaped strings, and values under secret names.

In logs names are judged leniently (`tokens=512`, `token_acc: 0.93`, `key=value` stay), on command lines strictly.
Clean text is only searched for a few literals, about 100 MB/s. Callers hand over whole lines; LogMasker cuts a stream.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from exptrack.capture.secret_names import NO, PASSWORD, ROOTS, STRONG, is_secret_name, secrecy
from exptrack.capture.token_shapes import IN_TOKENS, OTHERS, TOKEN

MARK = b"[redacted]"
# Bytes of a process that are searched for what a token cannot do without, one literal after the other. That is slower
# than TOKEN, but TOKEN takes a millisecond to compile, and a short run prints next to nothing.
_literally = 1 << 15
_NAME = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_ROOTS = tuple(r.encode() for r in ROOTS)

# Most tokens hold twenty characters of this set in a row, which one translate and one find tell of any text.
_IN_RUN = bytes(97 if (c < 128 and chr(c).isalnum()) or c in b"_-" else 32 for c in range(256))
_RUN = b"a" * 20
_GAP = rb"(?:\x1b\[[0-9;]*m|[ \t])*"
_QUOTE = rb"\\?[\"'`]"
_SEPARATOR = (
    rb"(?:" + _QUOTE + rb")?\]?" + _GAP + rb"(?:=>|->|:=|==?|:)" + _GAP  # a=1, "a": 1, x["a"] = 1, with colours
    + rb"|[ \t]+\.{3,}[ \t]+"  # the dotted lists of Megatron
    + rb"|" + _GAP + rb"(?P<cell>\||\xe2\x94[\x82\x83])" + _GAP  # a cell of a table
    + rb"|(?P<flag>(?:" + _QUOTE + rb",)?[ \t]+)"  # --a 1, and '--a', '1'
)  # fmt: skip
_PLACES = (
    (rb"", rb"(?P<at>)[\w.-]{0,40}(?:\\?[\"'`\]]|\x1b|[ \t]*[:=|]|[ \t]*->|[ \t]+\.\.\.|[ \t]*\xe2)"),
    (rb"-(?=[a-z])[\w.-]{0,40}?", rb"(?P<at>)[\w.-]{0,40}(?:[\"'],)?[ \t]"),
)
_VALUE = (
    rb"[\[({]{0,2}[bfru]{0,2}(?P<quote>" + _QUOTE + rb")(?P<quoted>(?:(?!(?P=quote))[^\n]){1,4096})(?P=quote)"
    rb"|(?P<bare>(?:(?:[Bb]earer|[Bb]asic|[Tt]oken|[Dd]igest)[ \t]+)?[^\s\x1b]+)"
)
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?"
_MEASURE = rb"[\d.,:]+ ?(?:[A-Za-z%]{1,3}|[x/][\d.]+|[A-Za-z]{1,6}/[A-Za-z]{1,6})"
_REFERENCE = rb"\$\{?\w+\}?|\*+|\[redacted\]|<[^>]*>"
_HARMLESS_WORDS = (
    b"true false none null nil yes no on off any str int float bool bytes string optional[str] required optional "
    b"missing invalid unset empty is not default auto"
)
_HARMLESS = frozenset(_HARMLESS_WORDS.split())


def mask_bytes(data: bytes, *, strict: bool = False, allowed: Collection[str] = ()) -> tuple[bytes, int]:
    """(masked, how many were masked). `strict` is for command lines: `key=x` and `pass=y` are secrets there.
    `allowed`: whole names whose values may stay."""
    spans = _spans(data, strict, allowed)
    return _replace(data, spans), len(spans)


def mask_shapes(data: bytes) -> tuple[bytes, int]:
    """As mask_bytes, by known shapes alone: names tell nothing in what is no text of a program."""
    spans = merged([*token_spans(data), *other_spans(data)])
    return _replace(data, spans), len(spans)


def _spans(data: bytes, strict: bool, allowed: Collection[str]) -> list[tuple[int, int]]:
    return merged([*token_spans(data), *other_spans(data), *_named_spans(data, strict, allowed)])


def merged(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where secrets stand, in order; two that overlap are one."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _replace(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    if not spans:
        return data
    parts, at = [], 0
    for start, end in spans:
        parts += [data[at:start], MARK]
        at = end
    return b"".join([*parts, data[at:]])


class LogMasker:
    """mask_bytes for a stream: holds back what may go on in the next piece. Memory: about one piece and 1 MiB."""

    HOLD = 1 << 20
    LISTED = 10

    def __init__(self) -> None:
        """`lines`: those of the stream, from 1, in which the first LISTED of `count` secrets stood."""
        self.count = 0
        self.lines: list[int] = []
        self._held = b""
        self._line = 1

    def feed(self, data: bytes) -> bytes:
        """The bytes that are final now, masked."""
        data = self._held + data
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        begin = data.rfind(b"-----BEGIN ", 0, cut)
        if begin >= 0 and data.find(b"-----END ", begin, cut) < 0:
            cut = begin  # a key whose end is still to come
        if len(data) - cut > self.HOLD:
            cut = len(data)
        self._held = data[cut:]
        return self._mask(data[:cut])

    def finish(self) -> bytes:
        """What was held back, masked."""
        rest, self._held = self._held, b""
        return self._mask(rest)

    def _mask(self, data: bytes) -> bytes:
        spans = _spans(data, False, ())
        for start, _ in spans[: self.LISTED - len(self.lines)]:
            self.lines.append(self._line + data.count(b"\n", 0, start))
        self.count += len(spans)
        self._line += data.count(b"\n")
        return _replace(data, spans)


@cache
def compiled(source: bytes) -> re.Pattern[bytes]:
    """Compiled on first use: most runs never meet anything that looks like a secret."""
    return re.compile(source)


def token_spans(data: bytes) -> Iterator[tuple[int, int]]:
    global _literally
    _literally -= len(data)
    shape = data.translate(_IN_RUN)
    start = shape.find(_RUN)
    while start >= 0:
        end = shape.find(b" ", start) % (len(shape) + 1)  # -1, no end before the text's, becomes its length
        at = max(0, start - 8)  # `hvs.`, `ya29.` and `sha256~` end in a character that parts runs
        if _literally < 0 or _may_be_token(data[at:end]):
            yield from _tokens_in(data, at, end)
        start = shape.find(_RUN, end)


def _may_be_token(text: bytes) -> bool:
    return any(part in text for part in IN_TOKENS)


def _tokens_in(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    token = compiled(TOKEN)
    while match := token.search(data, at, end):
        at = match.end()
        if not data[max(0, match.start() - 1) : match.start()].isalnum():
            whole = token.match(data, match.start())  # a dot may part a token into two runs
            yield whole.span() if whole else match.span()


def other_spans(data: bytes) -> Iterator[tuple[int, int]]:
    for literal, source in OTHERS:
        if literal in data and (literal != b"://" or b"@" in data):
            for match in compiled(source).finditer(data):
                yield match.span(1)


def _named_spans(data: bytes, strict: bool, allowed: Collection[str]) -> Iterator[tuple[int, int]]:
    lower = data.lower()
    for root in _ROOTS:
        if root in lower:
            # C loops find the few places where a name is followed by something that may part it from a value.
            for before, after in _PLACES:
                for match in compiled(before + root + after).finditer(lower):
                    span = _value_span(data, match.end("at"), strict, allowed)
                    if span is not None:
                        yield span


def _value_span(data: bytes, at: int, strict: bool, allowed: Collection[str]) -> tuple[int, int] | None:
    """Where the secret stands that is named by the word around `at` (just behind its root); None when there is none."""
    left, right = data[max(0, at - 64) : at], data[at : at + 64]
    start = at - len(left) + len(left.rstrip(_NAME))
    end = at + len(right) - len(right.lstrip(_NAME))
    if start and data[start - 1] in b"[;" and b"\x1b" in data[max(0, start - 12) : start]:
        start = data.find(b"m", start, at + 1) + 1  # the tail of a colour: ESC [ 1 ; 33 m api_key
    name = data[start:end].rstrip(b".-").decode("ascii", "replace")
    grade = secrecy(name)
    if grade == NO or (allowed and not is_secret_name(name.lstrip("-"), allowed)):
        return None
    separator = compiled(_SEPARATOR).match(data, end)
    if separator is None or (separator["flag"] and not name.startswith("-")):
        return None
    if separator["cell"] and grade < STRONG:
        return None
    value = compiled(_VALUE).match(data, separator.end())
    if value and separator["flag"] and value[0].startswith(b"--"):
        return None  # a switch, and the next flag
    return _secret_part(value, name, grade, strict) if value else None


def _secret_part(value: re.Match[bytes], name: str, grade: int, strict: bool) -> tuple[int, int] | None:
    if value["quote"]:
        text, (start, end) = value["quoted"], value.span("quoted")
        heads = [text]
    else:
        if value["bare"].startswith(MARK):
            return None
        text = value["bare"].split(b"&", 1)[0].rstrip(b",;)}]\"'`").lstrip(b"[({")
        start = value.start("bare") + value["bare"].find(text)
        end = start + len(text)
        heads = [text, re.split(rb"[,;]", text, maxsplit=1)[0]]  # `{token: 5,loss: 0.5}` is a number, then a metric
    if any(is_harmless(head, grade) for head in heads):
        return None
    if grade < STRONG and not strict and not _looks_secret(text, name):
        return None
    return start, end


def is_harmless(value: bytes, grade: int) -> bool:
    """No secret even under a secret name: a word like `none`, a reference like `$HF_TOKEN`, a small number."""
    if value.lower() in _HARMLESS or not value or compiled(_REFERENCE).fullmatch(value):
        return True
    return grade < PASSWORD and len(value) <= 24 and bool(compiled(_NUMBER).fullmatch(value)) and not _is_long(value)


def _is_long(value: bytes) -> bool:
    return value.isdigit() and len(value) > 6


def _looks_secret(value: bytes, name: str) -> bool:
    """For names that are also ordinary words of a log: letters and digits mixed, no path, no measure, no prose."""
    digits = sum(48 <= c <= 57 for c in value)
    if name.lower().rpartition(".")[2] == "key":
        return len(value) >= 20 and digits >= 3 and value.replace(b"-", b"").replace(b"_", b"").isalnum()
    is_mixed = digits > 0 and any(chr(c).isalpha() for c in value)
    if len(value) < 6 or not is_mixed or value.startswith((b"/", b"~", b".", b"<", b"[")) or b" " in value:
        return False
    return not compiled(_MEASURE).fullmatch(value)
