"""docs/index-schema.md describes index.sql: every table with every column, in order."""

from __future__ import annotations

import re
from pathlib import Path

from exptrack.store import schema

DOC = (Path(__file__).parents[3] / "docs" / "index-schema.md").read_text()


def test_every_table_and_column_is_described():
    conn = schema.connect(":memory:")
    schema.create(conn)
    names = [n for (n,) in conn.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    for name in names:
        found = re.search(rf"\*\*{name}\*\*.*?(?=\n\n|\. \*\*|\Z)", DOC, re.S)
        assert found, name
        words = re.findall(r"`([a-z_]+)`", found[0])
        columns = schema.columns(conn, name)
        assert list(dict.fromkeys(w for w in words if w in columns)) == columns, name
    assert f"`PRAGMA user_version` is the version of this schema ({schema.VERSION})" in DOC
    conn.close()


def test_an_index_is_made_once_and_opened_again(tmp_path):
    """Under a name that means something in a URI, too."""
    path = str(tmp_path / "odd # name?.db")
    conn = schema.connect(path)
    schema.create(conn)
    schema.create(conn)  # somebody else was faster: nothing happens
    conn.close()
    again = schema.connect(path, read_only=True)
    assert schema.version_of(again) == schema.VERSION
    again.close()
