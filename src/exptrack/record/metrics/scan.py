"""The numbers of a line and the names that stand before them, whatever stands between.

Every number is named by the text since the number before it: `loss=0.5`, `Avg. loss: 0.5`, `val loss 0.5`, and the odd
`0.5 accuracy`. Paths, calls and constructor reprs are masked first, so that their numbers are no candidates.
"""

from __future__ import annotations

import re

from exptrack.lazy import pattern
from exptrack.record.metrics import names, words
from exptrack.record.metrics.numbers import TOKENS
from exptrack.record.metrics.progress import NOWHERE, Progress
from exptrack.record.metrics.reading import Pair

_FILES = pattern(
    r"""(?<!\S)\S*[\w*]\.(?:ckpt|pt|pth|h5|hdf5|keras|pkl|bin|safetensors|json|jsonl|ya?ml|pyx?|txt|log|csv|tsv|npz|npy|onnx|zip|tar|gz|params
    |model|caffemodel|png|jpg|html|cpp|cc|hpp|cuh?|js|ts|go|rs|java|so|whl|sh|md|c|h|toml|cfg|lock|tgz|bz2|xz|deb|rpm|o|a)(?![\w=])
    (?::\d+)*\S*|(?:https?|file|s3|gs)://\S+|(?<!\S)\S*[?&][\w.-]+=\S*|(?<![\w])(?:/[\w.+@=~-]+){2,}/?""",
    re.VERBOSE,
)
_SUFFIX = pattern(r"\.[a-z]")
_FILE_VALUE = pattern(r"\w+=[A-Za-z/.~]")
_CALL = pattern(r"\b[A-Za-z_][\w.]*\((?!\w{1,9}=\d{1,4}\)\s*[:=]\s)(?=[^()]*=)(?:[^()]|\([^()]*\))*\)?")
_WRAPPED = pattern(
    r"(?:\b(?:np|numpy|jnp|torch|tf)\.)?\b(?:tensor|Tensor|param|Array|array|DeviceArray|float\d*|int\d*|EagerTensor)\(\s*\[?\s*"
    r"([-+\w.]+)\s*\]?\s*(?:,[^()]*(?:\([^()]*\)[^()]*)*)?\)"
)
_BAD_SIGN = ("<", ">", "~", "≥", "≤", "==", "=>", "->", "<-", "!=", "<=", ">=", "~=", "+=", "*=", "/=", "-=")
_MAY_PRECEDE_SIGN = (*"_)]'\"%.?²|",)
_DELIMITER = pattern(
    r"[,;|\t•]|\s{2,}|\s[-–—*]+\s|:\s|!\s+|(?<!\w\[\d)[\]}]\s*(?=\S)|\)\s+|->|=>|(?<!\b[AaV][va][gl])\.\s+(?=[A-Z])|[\u2500-\u259f]+|\s:+\s"
)
_LEADING = pattern(r"^(?:(?:and|with|at|the|a|an|has|got|then|of|on|by|while|where|\*+|#+|>+|-+|:+)\s+)+", re.I)
_UNIT = pattern(
    r"\s?(?:%|(?P<time>(?:s|sec|secs|seconds?|ms|milliseconds|min|mins|minutes?|h|hrs?|hours?|days?|[kKMGT]i?B|bytes?|B|GB|MB|KB"
    r"|samples?|examples?|tokens?|tok|images?|imgs?|fps|Hz|files?|params|parameters|[xX×]|GPUs?|CPUs?|cores|lines|bits?)"
    r"(?![\w=:])(?!\s*[=:])|(?:steps?|it|iters?|iterations?|items?|words?|rows|times|epochs?)\b(?=\s*(?:[,;|)/\]]|$))))"
)
_UNIT_BEGINS = (*"%smhdkKMGTBbteifIpHxX×Cclwrg",)
_RIGHT_NAME = pattern(
    r"\s?%?\s(?P<name>accuracy|acc|loss|perplexity|ppl|reward|error|f1|auc|bleu)\b(?=\s*(?:[,;.)|]|$))", re.I
)
_SECOND = pattern(r"\s*/\s*$")
_RATIO_AFTER = pattern(r"\s*=\s*(?P<num>[01]?\.\d+)(?![\w.])")
_PERCENT_AFTER = pattern(r"\s*\(\s*(?P<num>\d+(?:\.\d+)?)\s*%\s*\)")
_LISTED = pattern(r"\s?%?(?:\s*+\([^)]*\))?(?:\s*+(?:\+/?-|±)\s*+[\d.eE+-]+)?(?:\t|\s{2}|\s[-–]|\s*+(?:[,;|)\]\[]|$))")
_CALLED = pattern(r"(?<=\w)\([^()=]*,[^()=]*\)(?=\s*=\s)")
_NORM = pattern(r"(?:^|(?<=[\s,]))(\|{1,2})[A-Za-z]\w*(?: [A-Za-z]\w*)*\1$")
_BULLETS = ("-", "*", "•", ">", "+")
_BULLET = pattern(r"^[-*•>+]\s+")
_OPENERS = ("[", ":")
_RANGE = pattern(r"@0?\.\d+:$")
_QUOTED_END = pattern(r"(?:\s|^)'?([\w/.@-]+)' reached$|\s'([\w/.@ -]+)$|(?:\s|^)(\w+_\w+) value$")
# `NDCG(k=20): 0.2`: what it was taken at is a part of the name.
_TAKEN_AT = pattern(r"\w\(\w{1,9}=$")
_ARGUMENT = pattern(r"(?<=\w)\(\w{1,9}=\d{1,4}\)$")
_TRAILER = pattern(r"(?:\s?%)?(?:\s*\(\s*[-+\w.,%* =:]*\))?(?:\s*(?:\+/?-|±)\s*[\d.eE+-]+)?")
_TIMES = frozenset(
    ["s", "sec", "secs", "second", "seconds", "ms", "min", "mins", "minutes", "h", "hr", "hrs", "hours", "day", "days"]
)
_TIMES_BEGIN = frozenset(word[0] for word in _TIMES)
_TRAILING = ("%", "(", "+", "±")
_NO_NAME = pattern(r"[\0\"?<>{}$\\`;!|=,&~]|^[/:]|^[^\w(.]*$")
_AT = pattern(r"(?i)[\s,(]{0,9}\b(?:at|after|in|for|on|of)(?: the)?(?: end of)?$|[\s,(@]+$")


def mask(body: str) -> str:
    """The body with paths, calls and constructor reprs blanked out, every character in its place."""
    if "(" in body and "=" in body:
        body = _WRAPPED.sub(_unwrap, body)
        body = _CALL.sub(_blank, body)
    elif "(" in body:
        body = _WRAPPED.sub(_unwrap, body)
    if ") =" in body:
        # Julia's `loss(x, y) = 0.5`: what it was taken of is no part of the name.
        body = _CALLED.sub(lambda found: " " * len(found[0]), body)
    # The points of numbers are no reason to compile the long expression, or to run it.
    if "/" in body or ("." in body and ("?" in body or "&" in body or _SUFFIX.search(body))):
        body = _FILES.sub(_blank, body)
    return body


def count_files(body: str) -> int:
    """How many files stand as values (`model=yolov8n.yaml`)."""
    return sum(_FILE_VALUE.match(found[0]) is not None for found in _FILES.finditer(body))


def _blank(found: re.Match[str]) -> str:
    return "\0" * len(found[0])


def _unwrap(found: re.Match[str]) -> str:
    before, after = found.start(1) - found.start(), found.end() - found.end(1)
    return " " * before + found[1] + " " * after


def scan(text: str, progress: Progress = NOWHERE) -> list[Pair]:
    """Every number of `text` that has a name, in order."""
    pairs: list[Pair] = []
    previous_end = 0
    marks = list(progress.spans)
    for token in TOKENS.finditer(text):
        start, end = token.span()
        while marks and marks[0][1] <= start:
            previous_end = max(previous_end, marks.pop(0)[1])
        if marks and marks[0][0] <= start:
            previous_end = max(previous_end, marks[0][1])
            continue
        gap = text[previous_end:start]
        if progress.spans and gap.strip() in (":", "=", "is"):
            gap = f"{_name_before_mark(text, previous_end, progress)} {gap}"
        number = token["num"] or token["neg"]
        if token["count"]:
            pair = _fraction(text, gap, token)
            previous_end = pair.end if pair else end
        elif number is None:
            if not _is_part_of_name(gap):
                previous_end = end
            continue
        else:
            if (number.isdigit() and _is_part_of_name(gap)) or (
                gap[-1:] in _OPENERS and _is_within_name(text, start, end)
            ):
                continue
            if text[end : end + 1] == ")" and gap[-1:] == "=" and _TAKEN_AT.search(text, 0, start):
                continue
            pair = _pair(text, gap, start, end, number, pairs)
            previous_end = _after(text, end)
        if pair is not None:
            pairs.append(pair)
    return _grouped(text, pairs) if any("[" in pair.name for pair in pairs) else pairs


def _grouped(text: str, pairs: list[Pair]) -> list[Pair]:
    """`train[loss=0.5, acc=0.9], total[loss=0.6]`: what stands in the brackets belongs to the name before them."""
    out, group, before = [], "", 0
    for pair in pairs:
        if "]" in text[before : pair.start]:
            group = ""
        opened, bracket, name = pair.name.rpartition("[")
        if "]" in name:
            opened, bracket, name = "", "", pair.name
        group, before = opened if bracket else group, pair.end
        if group and names.is_split_only(group):
            pair = pair._replace(name=name, head=group)
        elif group:
            full = f"{group}/{name}"
            pair = pair._replace(name=full, strength=names.strength(full))
        out.append(pair)
    return out


def _name_before_mark(text: str, end: int, progress: Progress) -> str:
    """`Cost after iteration 100: 0.64`: the name stands before the mark that ends where the number's gap begins."""
    start = next((s for s, e in progress.spans if e == end), None)
    if start is None:
        return ""
    return _AT.sub("", text[:start].rstrip())


def _is_part_of_name(gap: str) -> bool:
    return gap[-1:].isspace() and re.search(r"\b(?:the|on|for|of|class)\s$", gap) is not None


def _is_within_name(text: str, start: int, end: int) -> bool:
    """The 0 of `Err[0]PerSample`, the .95 of `mAP@.5:.95`."""
    if text[start - 1 : start] == "[" and text[end : end + 1] == "]":
        return start > 1 and text[start - 2].isalpha() and text[end + 1 : end + 2].isalpha()
    if text[start - 1 : start] != ":" or _RANGE.search(text[:start]) is None:
        return False
    return text[start] == "." or text[end : end + 8].lstrip()[:1] in (":", "=")


def _after(text: str, end: int) -> int:
    """Where the next gap begins: past the unit, the average in brackets and the spread of this number."""
    if text[end : end + 1] == " " and text[end + 1 : end + 2] in _TIMES_BEGIN:
        word = text[end + 1 : end + 10].split(" ", 1)[0].rstrip(".,;)|")
        if word in _TIMES:
            return end + 1 + len(word)
    near = text[end : end + 40].lstrip()
    if end == len(text) or (near and near[0] not in _TRAILING):
        return end
    found = _TRAILER.match(text, end)
    if found and not re.search(r"[A-Za-z]\s*[=:]", found[0]):
        return found.end()
    return end


def _fraction(text: str, gap: str, token: re.Match[str]) -> Pair | None:
    """`Accuracy: 207/360 (58%)`: the per cent is the value, not the 207."""
    percent = _PERCENT_AFTER.match(text, token.end()) or _RATIO_AFTER.match(text, token.end())
    named = _name_of(gap)
    if percent is None or named is None or names.strength(named[0]) != names.STRONG:
        return None
    return Pair(
        named[0],
        percent["num"],
        percent.start("num"),
        percent.end("num"),
        ":",
        names.STRONG,
        "%" in percent[0],
        True,
        named[2],
    )


def _pair(text: str, gap: str, start: int, end: int, number: str, pairs: list[Pair]) -> Pair | None:
    unit = _UNIT.match(text, end) if text[end : end + 2].lstrip()[:1] in _UNIT_BEGINS else None
    if unit is not None and unit["time"]:
        return None
    if pairs and "/" in gap and _SECOND.fullmatch(gap) and "." in number:
        first = pairs[-1]
        return first._replace(name=f"{first.name} 2", text=number, start=start, end=end)
    named = _name_of(gap)
    if named is None:
        right = _RIGHT_NAME.match(text, end)
        if right is None or gap.strip(" ,;:|-"):
            return None
        return Pair(right["name"], number, start, end, "", names.STRONG, "%" in right[0], True, "")
    name, sep, head, is_whole = named
    if (
        number.lstrip("+-").lower().startswith(("nan", "inf"))
        and not sep
        and not re.match(r"\s*%?\s*(?:[,;|)]|$)", text[end:])
    ):
        return None
    is_percent = unit is not None and unit[0].endswith("%")
    is_listed = is_whole and _is_listed(text, end)
    return Pair(name, number, start, end, sep, names.strength(name), is_percent, is_listed, head)


def _is_listed(text: str, end: int) -> bool:
    """Does what follows the number end its place in a list?"""
    if end == len(text):
        return True
    if text[end] == " " and text[end + 1 : end + 2].isalpha():
        return False  # the commonest, and none of the expression's ways goes on with a letter
    return _LISTED.match(text, end) is not None


def _sign_of(gap: str) -> tuple[str, str] | None:
    """The text before the separator, and the separator ('=', ':' or ''); None where a comparison or an arrow stands."""
    left = gap.rstrip()
    if left.endswith(("'", '"')):
        left = left[:-1].rstrip()
    if left.endswith(("[", "(")):
        left = left[:-1].rstrip()
    if left.endswith(_BAD_SIGN):
        return None
    if left.endswith((":", "=")):
        sep, left = left[-1], left[:-1].rstrip()
        last = left[-1:]
        return (left, sep) if last.isalnum() or last in _MAY_PRECEDE_SIGN else None
    if left.endswith(" is"):
        return left[:-3].rstrip(), ":"
    return left, ""


def _is_prose(word: str) -> bool:
    """`per` is, `PER` is the phone error rate."""
    return word.lower() in words.PROSE and not (word.isupper() and len(word) > 1)


def _name_of(gap: str) -> tuple[str, str, str, bool] | None:
    """(name, separator, what stood before the name, name begins at a delimiter) out of the text before a number."""
    signed = _sign_of(gap)
    if signed is None:
        return None
    left, sep = signed
    norm = _NORM.search(left) if left.endswith("|") else None
    if norm and (sep or gap[-1].isspace()):
        return norm[0], sep, left[: norm.start()].strip(" ,;\t*"), True
    if left.removeprefix(" ").replace("_", "").replace("/", "").isalnum() and left.lstrip(" ")[0] != "/":
        head, label = "", left.lstrip(" ")  # a single word, as nearly all are: nothing to part or to take off
        stripped = label
    else:
        cut = 0
        for delimiter in _DELIMITER.finditer(left):
            cut = delimiter.end()
        head, label = left[:cut], left[cut:]
        if label[:1] in _BULLETS:
            label = _BULLET.sub("", label)
        label = label.strip(" \t\"'*%·•–—>→.,;:!({}[\\\0").removesuffix(" -")
        stripped = _LEADING.sub("", label).strip()
        if not stripped or _NO_NAME.search(_ARGUMENT.sub("", stripped)):
            return None
        quoted = _QUOTED_END.search(stripped) if "'" in stripped or stripped.endswith(" value") else None
        if quoted:
            stripped = quoted[quoted.lastindex or 0]
    if len(stripped) > names.LONGEST:
        return None
    if stripped.count(")") > stripped.count("("):
        return None
    said = stripped.lower().split()
    if len(said) > (10 if sep else 3) or _is_prose(stripped.split()[-1]):
        return None
    if not sep and any(map(_is_prose, stripped.split())):
        return None
    if "improved" in said or "reducing" in said:
        return None
    if not sep and len(said) > 1 and "_" in said[-1] and names.strength(said[-1]) == names.STRONG:
        stripped = stripped.split()[-1]
    return stripped, sep, head.strip(" ,;|\t*"), stripped == label
