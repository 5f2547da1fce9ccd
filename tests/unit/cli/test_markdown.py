"""Whatever a recorded text holds, a renderer shows it as text: no tag, no cell, no fence, no list of its own."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from exptrack.cli import markdown
from exptrack.cli.humane import clean

RENDER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
NASTY = st.text(st.sampled_from("|\\`<>&*_~#[]()!-+=.1 $@a\n\t\"'{}"), max_size=25) | st.text(max_size=15)
EVIL = "a|b\\|c `x` <script>alert(1)</script> **b** _i_ [l](u) ![i](u) ~~s~~ &lt; <!-- exptrack:end x -->"


def visible(rendered: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", rendered)).strip()


@given(NASTY)
@example(EVIL)
@example("1. one")
@example("123456789) nine digits may number an item")
@example("1.")
@example("# no heading")
@example("---")
@example("\\|")
def test_text_is_shown_as_it_is(words):
    rendered = RENDER.render(f"{markdown.text(words)}\n")
    assert not set(re.findall(r"<(\w+)", rendered)) - {"p"}
    assert visible(rendered).split() == clean(words).split()


@given(NASTY)
@example(EVIL)
@example("``")
@example(" ")
@example("a\\")
def test_code_is_shown_as_it_is(words):
    rendered = RENDER.render(f"x {markdown.code(words)} y\n")
    assert not set(re.findall(r"<(\w+)", rendered)) - {"p", "code"}
    assert visible(rendered).split() == ["x", *clean(words).split(), "y"]


@given(NASTY, NASTY)
@example(EVIL, "a\\")
@example("\\", "|")
@example("`", "`")
def test_a_cell_ends_where_it_ends(a, b):
    text = markdown.table(("one", "two", "three"), [[markdown.text(a), markdown.code(b), "end"]])
    rendered = RENDER.render(text + "\n")
    cells = [visible(c) for c in re.findall(r"<td>(.*?)</td>", rendered, re.S)]
    wanted = [clean(w).split() for w in (a, b)]
    assert [c.split() for c in cells] == [*(w for w in wanted if w), ["end"]]


@given(st.lists(NASTY, max_size=4))
@example(["```", "~~~", "````x"])
@example(["<!-- exptrack:end training -->"])
def test_a_fence_ends_where_it_ends(lines):
    words = "\n".join(lines)
    text = markdown.fence(words, "sh")
    rendered = RENDER.render(f"{text}\n\nafter\n")
    assert rendered.count("<pre>") == 1
    assert rendered.endswith("<p>after</p>\n")
    assert not re.search(r"(?m)^\s*<!--", text)


@given(NASTY)
@example(EVIL + "\n# two\n\n- three\n    four")
@example("1.\n23)")
def test_a_note_is_one_quotation_without_html(words):
    rendered = RENDER.render(markdown.quote(words) + "\n")
    assert not set(re.findall(r"<(\w+)", rendered)) - {"p", "br", "blockquote"}
    assert "\x1b" not in rendered


def test_columns_and_facts_that_nobody_knows_are_left_out():
    assert markdown.table(("a", "b"), [["1", ""], ["2", ""]]) == "| a |\n| --- |\n| 1 |\n| 2 |"
    assert markdown.facts([("a", "1"), ("b", "")]) == "- a: 1"
    assert markdown.to_fill("what").startswith("*To be filled in")
