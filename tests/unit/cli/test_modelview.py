from __future__ import annotations

from dataclasses import replace

from exptrack.actions.approve import Approval
from exptrack.actions.promote import History, Verdict
from exptrack.actions.verify import Problem
from exptrack.actions.which import Answer, Match, Use
from exptrack.cli.modelview import (
    print_answer,
    print_answers,
    print_approval,
    print_history,
    print_models,
    print_promotion,
    print_verdict,
    print_verified,
)
from judged import event
from made_runs import GATES, full_run, made_run, piped, promotion, text_of

RUN = full_run()


def lines(print_it, *args):
    screen = piped()
    print_it(screen, *args)
    return [line.split() for line in text_of(screen).splitlines()]


def test_models_with_their_current_runs():
    histories = [
        History("digits-prod", RUN.id, (promotion(1, RUN.id, reason="first"),)),
        History("old", None, (promotion(1, "x"), promotion(2, None, "x"))),
    ]
    assert lines(print_models, histories, {RUN.id: RUN}) == [
        ["model", "run", "name", "since", "by", "reason"],
        ["digits-prod", RUN.id, "baseline", "2", "min", "ago", "ann", "first"],
        ["old", "none", "2", "min", "ago", "ann"],
    ]


def test_no_models_yet():
    assert lines(print_models, [], {})[0][:3] == ["no", "models", "yet:"]


def test_a_history_is_newest_first_and_marks_what_is_current():
    history = History("m", RUN.id, (promotion(1, "x"), promotion(2, None, "x"), promotion(3, RUN.id, gates=GATES)))
    rows = lines(print_history, history, {RUN.id: RUN})
    assert rows[0] == ["m", RUN.id]
    assert rows[3] == ["*", "3", RUN.id, "baseline", "2", "min", "ago", "ann", "1/3"]
    assert rows[4][:2] == ["2", "demoted"]
    assert rows[5][:2] == ["1", "x"]


def test_nothing_is_current_after_a_demotion():
    rows = lines(print_history, History("m", None, (promotion(1, "x"), promotion(2, None, "x"))), {})
    assert rows[0] == ["m", "no", "current", "run"]
    assert not any(row[:1] == ["*"] for row in rows)


def test_every_gate_with_its_verdict():
    rows = lines(print_verdict, Verdict(RUN, "digits-prod", None, GATES))
    assert rows == [
        ["✓", "status", "finished"],
        ["✗", "val/acc", ">=", "0.95", "0.9", "wanted", ">=", "0.95", "val/acc", "ended", "at", "0.9"],
        ["✗", "loss", "<", "1", "nan", "wanted", "<", "1", "loss", "ended", "at", "nan"],
        [],
        f"{RUN.id} (baseline) may not be promoted to digits-prod: 2 of 3 unmet".split(),
    ]
    assert lines(print_verdict, Verdict(RUN, "m", None, GATES[:1]))[-1][2:] == ["may", "be", "promoted", "to", "m"]


def test_a_promotion_says_what_was_there_before():
    rows = lines(print_promotion, Verdict(RUN, "digits-prod", "x", GATES[:1]), promotion(3, RUN.id, "x"))
    assert rows[-1] == f"digits-prod@3: {RUN.id} (baseline) is current, was x".split()


def test_an_approval_stands_under_the_verdict_it_led_to():
    said = event(1, "approve")
    rows = lines(print_approval, Approval(Verdict(RUN, "m", None, GATES), said, True))
    assert rows[-1] == f"bob approves {RUN.id} (baseline) for m".split()
    rows = lines(print_approval, Approval(Verdict(RUN, "m", None, GATES[:1]), said, False))
    assert rows[-2][-4:] == ["(as", "was", "recorded", "already)"]
    assert rows[-1] == f"`exptrack promote {RUN.id} m` makes it current".split()
    back = Approval(Verdict(RUN, "m", RUN.id, GATES[:1]), event(2, "unapprove"), True)
    assert lines(print_approval, back)[-1][:4] == ["bob", "no", "longer", "approves"]


def test_who_made_a_file():
    answer = Answer("m.npz", "2" * 64, (Match(RUN, "model", "out/model.npz"),))
    assert lines(print_answer, answer) == [
        ["m.npz", "sha256", "222222222222"],
        [RUN.id, "baseline", "finished", "5", "min", "ago", "model", "out/model.npz"],
    ]
    assert lines(print_answer, Answer("m.npz", "2" * 64, ()))[1] == ["no", "run", "kept", "these", "bytes"]
    used = Answer("t.csv", "2" * 64, (), (), (Use("r2", "train", "t.csv"), Use("r1", "train", "t.csv")))
    assert " ".join(lines(print_answer, used)[1]) == "input `train` of r2 (and 1 more run)"
    assert " ".join(lines(print_answers, [used])[0]) == "t.csv input `train` of r2 (and 1 more run)"
    assert lines(print_answer, Answer("prod", None, (Match(RUN, "model", "prod"),)))[0][-1] == "model"


def test_who_made_the_files_of_a_folder_or_list():
    known = Answer("d/a", "2" * 64, (Match(RUN, "model", "out/a"), Match(made_run(9), "model", "a")))
    unknown = Answer("d/b", "3" * 64, ())
    rows = lines(print_answer, Answer("d", "4" * 64, (), (known, unknown)))
    assert " ".join(rows[1]) == "no run kept this folder as a whole; its files:"
    assert rows[2:] == [
        ["d/a", RUN.id, "baseline", "model", "out/a", "and", "1", "more", "run"],
        ["d/b", "no", "run", "kept", "these", "bytes"],
    ]
    assert lines(print_answers, [known, unknown]) == rows[2:]


def verified(count, problems):
    return [" ".join(words) for words in lines(print_verified, count, 2048, problems)]


def test_an_altered_object_is_named_with_the_way_to_repair_it():
    problems = [
        Problem("r1", "model m", "altered", "d", "/s/objects/d"),
        Problem("r2", "model m", "altered", "d", "/s/objects/d"),
    ]
    said = verified(2, problems)
    assert said.count("altered: /s/objects/d") == 1
    assert [line for line in said if line.startswith("to repair: move it away")]
    assert not [line for line in verified(2, [Problem("r1", "model m", "missing", "d")]) if "repair" in line]


def test_a_run_behind_a_file_is_marked_as_what_it_is():
    run = made_run(9)
    current = replace(run, models=("prod",))
    matches = (
        Match(current, "model", "m", promotions=(("prod", 1), ("prod", 2))),
        Match(run, "model", "m", is_older=True),
        Match(run, "model", "m", repeats="r1"),
    )
    said = [" ".join(words) for words in lines(print_answer, Answer("m", "2" * 64, matches))[1:]]
    assert said[0].endswith("prod@1; prod@2, current")
    assert said[1].endswith("not written by this run")
    assert said[2].endswith("repeats r1")
