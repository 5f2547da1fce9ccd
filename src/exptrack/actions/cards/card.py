"""What is known for a model card: the run behind a run or model, its promotions, and where its inputs came from."""

from __future__ import annotations

import re

from exptrack.actions.find import opened, resolve
from exptrack.actions.lineage import all_links
from exptrack.actions.links import Made
from exptrack.actions.promote import History, models
from exptrack.config import Project
from exptrack.model import Promotion, Run
from exptrack.store.place import Store
from exptrack.typed import NamedTuple

_NAMED = re.compile(r"(.+?)(?:@(\d{1,9})?)?\Z", re.S)


class Subject(NamedTuple):
    """A run, and the model it was asked for as; `promotion`: the line of the model's history that is meant."""

    run: Run
    model: str | None = None
    promotion: Promotion | None = None


class ModelFacts(NamedTuple):
    """`histories`: of the model asked for, else of every model the run was ever promoted to. `sources`: digest of an
    input -> the output of an earlier run with the same bytes. `has_code`: is the snapshot still in the store?"""

    subject: Subject
    histories: tuple[History, ...]
    sources: dict[str, Made]
    has_code: bool

    @property
    def run(self) -> Run:
        return self.subject.run


def subject(project: Project, store: Store, text: str) -> Subject:
    """RUN as everywhere, or MODEL without its `@`: like `which`, a name that is a model's means the model. NoSuchRun
    (exit 3) when it is neither, or a model without a current run."""
    named = _NAMED.match(text)
    model = named[1] if named else ""
    history = models(store, model)[0] if model in store.records.models() else None
    run = resolve(project, store, f"{text}@" if history and text == model else text)
    if not history or not named:
        return Subject(run)
    number = int(named[2]) if named[2] else history.promotions[-1].sequence
    meant = [p for p in history.promotions if p.sequence == number and p.run == run.id]
    return Subject(run, model, meant[0]) if meant else Subject(run)  # a run may itself be called `x@3`


def model_facts(project: Project, store: Store, text: str) -> ModelFacts:
    """Everything a card of RUN or MODEL tells beside the run's own record."""
    found = subject(project, store, text)
    run = found.run
    with opened(project, store) as library:
        sources = {link.used.digest: link.made for link in all_links(library) if link.used.run == run.id}
    if found.model:
        histories = models(store, found.model)
    else:
        histories = [h for h in models(store) if any(p.run == run.id for p in h.promotions)]
    tree = run.manifest.code.tree
    return ModelFacts(found, tuple(histories), sources, bool(tree and store.objects.has(tree)))
