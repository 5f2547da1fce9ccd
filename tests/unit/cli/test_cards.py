"""Cards of runs in every state: they load with huggingface_hub, hide nothing, invent nothing, and let nothing out."""

from __future__ import annotations

import math
import re

import pytest
from huggingface_hub import DatasetCard, ModelCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from exptrack.actions.cards.card import ModelFacts, Subject
from exptrack.actions.cards.dataset import DataFacts, Maker, Use, Version
from exptrack.actions.cards.merge import merge, new
from exptrack.actions.promote import History
from exptrack.cli.datasetcard import dataset_card
from exptrack.cli.modelcard import MOST_ROWS, model_card
from exptrack.model import Artifact, CodeState, Environment, Input, Reproduction, Usage
from made_runs import GATES, full_run, made_run, metric, promotion, run_id


def known(run, *, model=None, promoted=None, histories=(), sources=None, has_code=True):
    return ModelFacts(Subject(run, model, promoted), tuple(histories), sources or {}, has_code)


def text_of(run, carbon=None, **facts):
    return new(model_card(known(run, **facts), carbon))


def data_facts(run, name="train", **more):
    item = Input(name=name, path=f"data/{name}", digest="1" * 64, size=7, files=3)
    facts = {"uses": (Use(run, item, ("prod@1",)),), "makers": (), "others": ()} | more
    return DataFacts(name, "1" * 64, 7, 3, **facts)


def section(text, name):
    return text.split(f"<!-- exptrack:begin {name} -->")[1].split(f"<!-- exptrack:end {name} -->")[0]


def test_the_hub_reads_what_the_run_knows():
    run = full_run(tags={"license": "mit", "language": "en, de", "pipeline_tag": "image-classification"}, models=())
    data = ModelCard(text_of(run)).data
    assert (data.license, data.language, data.pipeline_tag) == ("mit", ["en", "de"], "image-classification")
    assert (data.tags, data.metrics, data.model_name) == (["exptrack", "digits"], ["accuracy"], "baseline")
    (result,) = data.eval_results
    assert (result.task_type, result.metric_type, result.metric_value) == ("image-classification", "accuracy", 0.9)
    assert result.dataset_split == "validation"


def test_nothing_is_invented():
    text = text_of(made_run())
    data = ModelCard(text).data.to_dict()
    assert data == {"tags": ["exptrack"]}
    for said in (
        "No metric was recorded",
        "No input was declared",
        "No output was kept",
        "not under git",
        "never promoted",
    ):
        assert said in text
    assert text.count("To be filled in") == 3
    assert "# exptrack: license:" in text


@pytest.mark.parametrize("status", ["running", "incomplete", "failed", "killed", "lost"])
def test_a_run_that_is_not_finished_says_so(status):
    run = full_run(status=status, exit_code=None, signal="SIGTERM", ended_at=None, seconds=None)
    text = text_of(run)
    ModelCard(text)
    assert f"This run is **{status}**" in text
    assert "SIGTERM" in section(text, "summary")


def test_metrics_that_are_no_numbers_are_told_and_not_submitted():
    run = made_run(metrics={"val/acc": metric(math.nan, "max"), "val/f1": metric(0.5, "max"), "x": metric(math.inf)})
    text = text_of(run)
    assert [r.metric_name for r in ModelCard(text).data.eval_results] == ["val/f1"]
    assert "| `val/acc` ↑ | nan |" in text
    assert ".nan" not in text


def test_bytes_that_went_and_code_that_is_not_here():
    run = full_run(expired=("2" * 64, "3" * 64), expired_at="2026-12-01T00:00:00.000Z")
    text = text_of(run, has_code=False)
    assert "were let go on 2026-12-01" in section(text, "summary")
    assert section(text, "outputs").count("bytes let go") == 2
    assert "exptrack get" not in text
    assert "the snapshot of the code is not in this store" in section(text, "reproduce")


def test_energy_is_energy_and_co2_only_what_was_given():
    assert "CO2: *To be filled in" in text_of(full_run())
    assert "co2_eq_emissions" not in text_of(full_run())
    data = ModelCard(text_of(full_run(), 400.0)).data
    assert data.co2_eq_emissions["emissions"] == pytest.approx(42_000 / 3.6e6 * 400, rel=1e-3)
    assert data.co2_eq_emissions["hardware_used"] == "NVIDIA H100"
    text = text_of(full_run(usage=Usage()), 400.0)
    assert "Energy: not measured" in text
    assert "co2_eq_emissions" not in text


def test_long_lists_are_cut_and_say_so():
    run = made_run(
        params={f"p{i:04}": i for i in range(500)},
        metrics={f"m{i:04}": metric(0.1) for i in range(500)},
        inputs=tuple(Input(name=f"i{i}", path="x", digest="1" * 64, size=1, files=1) for i in range(500)),
        artifacts=tuple(Artifact(kind="m", path=f"o{i}", digest="2" * 64, size=1) for i in range(500)),
        environment=Environment(python="3.11", packages={f"k{i:04}": "1" for i in range(5000)}),
        code=CodeState(commit="c" * 40, changed=tuple(f"f{i}" for i in range(500)), tree="d" * 64),
    )
    text = text_of(run)
    assert len(text.splitlines()) < 700
    assert text.count(f"… and {500 - MOST_ROWS} more") == 4
    assert "# and 4920 more: exptrack card --provenance" in text
    assert "and 490 more" in section(text, "code")


def test_promotions_gates_and_a_model_that_went_on():
    run = full_run(models=())
    lines = (promotion(1, run.id, gates=GATES, reason="a | b"), promotion(2, run_id(9), run.id))
    history = History("digits-prod", run_id(9), lines)
    text = text_of(run, model="digits-prod", promoted=lines[0], histories=[history])
    assert text.count("not the current run of this model any more") == 1
    promoted = section(text, "promotion")
    assert "| ✗ | val/acc &gt;= 0.95 | 0.9 | &gt;= 0.95 |" in promoted
    assert "a &#124; b" in promoted
    assert f"| 2 | `{run_id(9)}` |" in promoted
    assert text.index("# digits-prod\n") < text.index("exptrack:begin summary")


def test_verdicts_of_reproductions_are_told():
    verdict = Reproduction(run=run_id(7), verdict="differs", at="2026-11-23T00:00:00.000Z", author="ann")
    assert f"2026-11-23 00:00:00 UTC: differs, run `{run_id(7)}`" in text_of(full_run(reproductions=(verdict,)))


RENDER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
EVIL = "<img src=x onerror=alert(1)> | \x1b[2J `\u202e`` caf\udce9 --- <!-- exptrack:end summary -->\n---\n# no"


def evil_run(text):
    return made_run(
        name=text,
        project=text,
        note=text,
        host=text,
        author=text,
        command=(text, "--x", text),
        tags={text: text, "license": text, "language": text, "pipeline_tag": text},
        params={text: text},
        metrics={text: metric(0.5, "max", unit=text, source=text)},
        code=CodeState(commit=text, branch=text, remote=text, tree="d" * 64, changed=(text,), left_out=(text,)),
        environment=Environment(python=text, implementation=text, packages={text: text}, lock_files=(text,)),
        inputs=(Input(name=text, path=text, digest="1" * 64, size=1, files=1),),
        artifacts=(Artifact(kind=text, path=text, digest="2" * 64, size=1),),
        missing=(text,),
        signal=text,
    )


TAGS = {"p", "br", "h1", "h2", "ul", "li", "em", "strong", "code", "pre", "blockquote"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}


def is_safe(text):
    assert not [c for c in text if c in "\x1b\u202e" or "\ud800" <= c <= "\udfff"]
    rendered = RENDER.render(text.split("\n---\n", 1)[1])
    comments = re.findall(r"<!--.*?-->", rendered, re.S)
    assert len(comments) == text.count("\n<!-- exptrack:")
    assert set(re.findall(r"<(\w+)", re.sub(r"<!--.*?-->", "", rendered, flags=re.S))) <= TAGS


def test_recorded_texts_are_only_texts():
    run = evil_run(EVIL)
    lines = (promotion(1, run.id, model="m", author=EVIL, reason=EVIL),)
    card = model_card(known(run, histories=[History("m", run.id, lines)], promoted=lines[0], model=EVIL))
    is_safe(new(card))
    assert ModelCard(new(card)).data.license.startswith("<img")
    other = DataFacts(EVIL, "1" * 64, 1, 1, (Use(run, run.manifest.inputs[0], (EVIL,)),), (Maker(run, EVIL, EVIL),), ())
    is_safe(new(dataset_card(other)))
    DatasetCard(new(dataset_card(other)))


@given(st.text(max_size=20) | st.text(st.sampled_from("<!->exptrack:begin card{}\n-`|\"'#: "), max_size=40))
def test_no_text_breaks_a_card_that_is_written_again(text):
    run = evil_run(text)
    card = model_card(known(run, model=text or None))
    once = new(card)
    assert merge(once, card) == once
    assert merge(once, model_card(known(made_run(2)))) is not None
    ModelCard(once)


def test_a_data_set_card():
    run = full_run()
    others = (Version("9" * 64, 5, 2, 4, "2026-11-01T00:00:00.000Z"),)
    text = new(dataset_card(data_facts(run, makers=(Maker(made_run(5, name="prep"), "data", "out/x"),), others=others)))
    data = DatasetCard(text).data
    assert (data.pretty_name, data.tags) == ("train", ["exptrack"])
    assert f"| `{run.id}` | baseline | finished | 2026-11-22 21:55:00 UTC | train | `prod@1` |" in text
    assert "`out/x`" in section(text, "made")
    assert f"`{'9' * 64}`" in section(text, "versions")
    assert "# exptrack: size_categories" in text


def test_a_data_set_that_everybody_used():
    runs = tuple(Use(made_run(i), data_facts(made_run()).uses[0].used, ()) for i in range(1, 300))
    text = new(dataset_card(data_facts(made_run(), uses=runs)))
    assert "… and 239 more" in text
