"""Which tables of the policy speak of a model."""

from __future__ import annotations

from exptrack.actions.gates.case import tables_for
from exptrack.config import Config, Gates
from judged import case_of
from made import run


def test_every_table_whose_name_matches_in_the_order_of_the_file(store):
    tables = (Gates("*"), Gates("churn-*"), Gates("Churn-prod"), Gates("other"))
    config = Config(gates=tables)
    assert [t.pattern for t in tables_for(config, "churn-prod")] == ["*", "churn-*"]
    case = case_of(store, run(), *tables, model="other")
    assert [t.pattern for t in case.tables] == ["*", "other"]
    assert case.config.gates == tables
