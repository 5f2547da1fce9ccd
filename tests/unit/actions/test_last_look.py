"""Whatever comes to be recorded: no known token is in a manifest or in the names of its metrics."""

from __future__ import annotations

import math

from exptrack.actions.last_look import rename_points, without_tokens
from exptrack.frozen import replace
from exptrack.wire import encode
from made import file_artifact, manifest, summary
from made_tokens import pem, tokens

TOKEN = tokens(4)["github"]


def test_a_manifest_without_tokens_is_itself() -> None:
    made = manifest(params={"lr": math.nan}, command=("python", "a" * 64))
    assert without_tokens(made) is made


def test_tokens_go_wherever_they_stand(store) -> None:
    artifact = file_artifact(store, "model", f"out/{TOKEN}.bin", b"x")
    made = manifest(
        artifacts=(artifact,),
        metrics={f"{TOKEN}/loss": summary(0.5), "acc": summary(math.inf)},
        params={"a": f"x {TOKEN}", "b": 1, "c": math.nan, "key": pem()},
        group=TOKEN,
        extra={"later": [{TOKEN: [TOKEN, 1]}]},
    )
    clean = without_tokens(made)
    assert TOKEN.encode() not in encode(clean)
    assert pem().splitlines()[2].encode() not in encode(clean)
    assert clean.artifacts == (replace(artifact, path="out/[redacted].bin"),)
    assert set(clean.metrics) == {"[redacted]/loss", "acc"}
    assert clean.metrics["acc"].last == math.inf
    assert clean.params["b"] == 1
    assert clean.extra == {"later": [{"[redacted]": ["[redacted]", 1]}]}


def test_points_lose_tokens_from_their_names_only(tmp_path) -> None:
    path = tmp_path / "points.jsonl"
    odd = b'{"no name": 1}\nnot json\n{"name": "torn'
    lines = f'{{"name": "{TOKEN}", "values": [1]}}\n{{"name":"a \\"{TOKEN}\\" b","values":[2]}}\n'.encode()
    path.write_bytes(lines + odd)
    rename_points(str(path))
    assert path.read_bytes() == lines.replace(TOKEN.encode(), b"[redacted]") + odd
    before = path.stat().st_ino
    rename_points(str(path))
    assert path.stat().st_ino == before
    rename_points(str(tmp_path / "none"))
