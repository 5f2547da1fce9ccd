"""`python fuzz/fuzz.py TARGET [libFuzzer options]`: bytes that somebody else wrote against what reads them.

Each target says what must hold of any bytes: our own error or an answer, never another exception, and the invariant in
the assertions. Coverage-guided by atheris; outside CI, see README.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["exptrack"]):
    from exptrack.actions.query import parse_filters
    from exptrack.capture.code_secrets import find_secrets, lines_of, mask_code
    from exptrack.capture.masks import LogMasker, mask_bytes
    from exptrack.capture.redact import clean_url, redact_argv
    from exptrack.config import read_config
    from exptrack.errors import Damaged, ExptrackError, visible
    from exptrack.model import End, Event, Promotion, RunManifest, Start
    from exptrack.record.logs import replay
    from exptrack.record.metrics.recogniser import Recogniser
    from exptrack.record.points import read_blocks
    from exptrack.record.sidecar import Sidecar
    from exptrack.record.summaries import summarise
    from exptrack.store.trees import decode_tree, encode_tree
    from exptrack.wire import decode, encode

SCRATCH = Path(tempfile.mkdtemp(prefix="exptrack-fuzz-"))
RECORDS = (RunManifest, Event, Promotion, Start, End)


def records(data: bytes) -> None:
    """A manifest, event, promotion, start or end: Damaged, or a record that survives being written and read again."""
    for kind in RECORDS:
        try:
            found = decode(kind, data, "fuzzed")
        except ExptrackError:
            continue
        again = encode(found)
        assert encode(decode(kind, again, "again")) == again


def tree(data: bytes) -> None:
    """A listing: Damaged, or files that all lie below the folder they are written to."""
    try:
        files = decode_tree(data)
    except ExptrackError:
        return
    assert decode_tree(encode_tree(files)) == files
    for file in files:
        place = os.path.normpath(os.path.join("/top", file.path))
        assert place.startswith("/top/")


def points(data: bytes) -> None:
    """Blocks of metrics: lines that are none are passed over."""
    lines = data.split(b"\n")
    summarise(read_blocks(lines), lambda _: None)


def output(data: bytes) -> None:
    """What a program prints: no error and no endless work; cut anywhere it is the same points."""
    cut = len(data) // 2
    whole, halves = Recogniser(), Recogniser()
    first = [*whole.feed(data), *whole.close()]
    second = [*halves.feed(data[:cut]), *halves.feed(data[cut:]), *halves.close()]
    assert repr(first) == repr(second)


def sidecar(data: bytes) -> None:
    """Lines of $EXPTRACK_METRICS."""
    path = SCRATCH / "sidecar"
    path.write_bytes(data)
    found = Sidecar(str(path))
    found.poll()
    json.dumps([found.params, found.tags], default=str)


def chunks(data: bytes) -> None:
    """The order of the streams: whatever it says, every byte of every log comes once and in its order."""
    said = {"stdout": b"out " * 50, "stderr": b"err " * 30}
    files = {}
    for name, text in {**said, "chunks": data}.items():
        (SCRATCH / name).write_bytes(text)
        files[name] = str(SCRATCH / name)
    came = dict.fromkeys(said, b"")
    for name, block in replay(files):
        came[name] += block
    assert came == said


def masks(data: bytes) -> None:
    """Secrets in logs and in code: nothing but them changes, and lines keep their numbers."""
    mask_bytes(data, strict=True)
    masker = LogMasker()
    b"".join([masker.feed(data), masker.finish()])
    for path in ("a.py", "a.yaml"):
        spans = find_secrets(data, path)
        assert all(a < b for a, b in spans)
        assert all(x[1] <= y[0] for x, y in pairwise(spans))
        masked = mask_code(data, spans)
        assert masked.count(b"\n") == data.count(b"\n")
        lines_of(data, spans)
        outside, at = [], 0
        for start, end in spans:
            outside.append(data[at:start])
            at = end
        place = 0
        for part in [*outside, data[at:]]:
            place = masked.index(part, place) + len(part)


def words(data: bytes) -> None:
    """Command lines, remotes, filters, and text on its way to a terminal."""
    text = data.decode("utf-8", "surrogateescape")
    redact_argv(text.split("\0"))
    clean_url(text)
    assert visible(text).replace("\n", "").isprintable()
    try:
        parse_filters(text.split("\0"), now=0.0)
    except ExptrackError:
        return


def policy(data: bytes) -> None:
    """exptrack.toml."""
    path = SCRATCH / "exptrack.toml"
    path.write_bytes(data)
    try:
        read_config(str(path))
    except Damaged:
        raise
    except ExptrackError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    f.__name__: f for f in (records, tree, points, output, sidecar, chunks, masks, words, policy)
}
# A first text for each, so that the fuzzer need not find the shape of a record by itself.
SEEDS = {
    "records": [
        b'{"format":1,"id":"01abcdefghjkmnpq","status":"finished","command":["a"],"cwd":"/","started_at":"","ended_at":null,'
        b'"seconds":1,"exit_code":0,"signal":null,"host":"","author":"","metrics":{"loss":{"first":1,"last":"nan","min":1,'
        b'"max":"inf","count":2}},"artifacts":[{"kind":"model","path":"m","digest":"d","size":1}],"extra":{}}\n',
        b'{"format":1,"model":"m","sequence":1,"run":null,"previous":null,"at":"","author":"","gates":[]}\n',
    ],
    "tree": [b'{"tree":1}\n["a/b.py","100644",3,"%s"]\n["link","120000",1,"%s"]\n' % (b"0" * 64, b"f" * 64)],
    "points": [b'{"name":"loss","source":"stdout","values":[0.5,"nan"],"steps":[1,2],"epochs":[1,null],"at":1.5}\n'],
    "output": [b"step 1 loss=0.5 acc: 0.9\r 50%|####  | 1/2 [00:01<00:01, loss=0.3]\n{'loss': 1e-3, 'epoch': 2}\n"],
    "sidecar": [
        b'{"step":1,"loss":0.5}\n{"params":{"a":{"b":1}}}\n{"tags":{"x":"y"}}\n{"artifact":{"kind":"m","path":"p"}}\n'
    ],
    "chunks": [b"o 40\ne 20\nt 5\n"],
    "masks": [
        b"api_key = 'Zk3pQ9xW2mL7vT4r'\npassword: hunter2x9Q\nhttps://u:p4ssW0rd9@h/x\nBearer abc123def456",
        b"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKC\n-----END RSA PRIVATE KEY-----\nghp_0123456789abcdefghij",
    ],
    "words": [b"--api-key=x\0metrics.loss<0.5\0tag.a=b\0started>2d\0https://u:p@h/x\0\x1b[31m"],
    "policy": [b"[require]\ntags = ['a']\n[promote.'*']\nmetrics = ['a >= 1']\n[retention]\nkeep = ['best:a:2']\n"],
}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"name a target: {', '.join(TARGETS)}")
    options = sys.argv[2:]
    if not any(Path(word).is_file() for word in options):  # else: run a find again, and nothing beside it
        corpus = SCRATCH / "corpus"
        corpus.mkdir()
        for i, seed in enumerate(SEEDS[name]):
            (corpus / str(i)).write_bytes(seed)
        options.append(str(corpus))
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
