"""The front matter of a model card: the keys of the Hub a run can give, and those only people can."""

from __future__ import annotations

from exptrack.actions.cards.index import hub_metric, model_index, told_metrics
from exptrack.cli.circumstances import grams
from exptrack.cli.humane import clean
from exptrack.model import Run
from exptrack.typed import Any

# Keys of the Hub that a run's tags may give (`-t license=mit`), those with several values parted by commas.
TAG_KEYS = ("license", "license_name", "license_link", "language", "library_name", "pipeline_tag")
LIST_KEYS = ("language", "base_model", "datasets")
TO_FILL = (
    ("license", "an identifier of the Hub, as apache-2.0"),
    ("language", "of its data, as en"),
    ("library_name", "what loads it, as transformers or sklearn"),
    ("pipeline_tag", "its task, as text-classification"),
    ("base_model", "id on the Hub of what it was fine-tuned from"),
    ("datasets", "ids on the Hub; by digest they are below"),
)


def front_matter(title: str, run: Run, carbon: float | None) -> dict[str, Any]:
    """`carbon`: grams of CO2 equivalent a kWh; without it, or without measured energy, no emissions."""
    m = run.manifest
    front: dict[str, Any] = {}
    for key in (*TAG_KEYS, *LIST_KEYS[1:]):
        if value := clean(run.tags.get(key, "")):
            front[key] = [v.strip() for v in value.split(",")] if key in LIST_KEYS else value
    front["tags"] = list(dict.fromkeys(["exptrack", *([clean(m.project)] if m.project else [])]))
    hub = dict.fromkeys(h for h in map(hub_metric, told_metrics(m)) if h)
    if hub:
        front["metrics"] = list(hub)
    if index := model_index(title, m, run.tags.get("pipeline_tag")):
        front["model-index"] = _cleaned(index)
    if carbon is not None and m.usage.energy_joules is not None:
        front["co2_eq_emissions"] = {
            "emissions": round(grams(m.usage.energy_joules, carbon), 3),
            "source": f"energy of the GPUs as measured, at {carbon:g} g CO2e a kWh",
            "hardware_used": ", ".join(dict.fromkeys(clean(g.name) for g in m.machine.gpus)) or clean(m.machine.cpu),
        }
    return front


def _cleaned(value: Any) -> Any:
    """Recorded texts without what a terminal or a YAML reader would trip over."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {k: _cleaned(v) for k, v in value.items()}
    return [_cleaned(v) for v in value] if isinstance(value, list) else value
