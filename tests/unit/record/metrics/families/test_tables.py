"""Aligned tables, boxes and result blocks."""
# ruff: noqa: E501 - the lines of real programs are kept whole

from metric_texts import points, series


def test_aligned_columns_with_names_of_two_words():
    text = "      Iter       Train Loss      OOB Improve   Remaining Time \n         1           1.1499           0.1447            0.11s\n"
    assert points(text) == [("Train Loss", 1.1499, 1), ("OOB Improve", 0.1447, 1)]


def test_coloured_cells_and_a_rule():
    text = "  epoch    train_loss    dur\n-------  ------------  -----\n      1        \x1b[36m2.2846\x1b[0m  0.0194\n      2        2.1  0.0142\n"
    assert points(text) == [("train_loss", 2.2846, 1), ("train_loss", 2.1, 2)]


def test_epoch_and_step_columns():
    text = "E    #       LOSS TOK2VEC  SCORE \n---  ------  ------------  ------\n  0     200          0.10    0.67\n"
    assert points(text) == [("LOSS TOK2VEC", 0.1, 200), ("SCORE", 0.67, 200)]


def test_a_warning_between_rows_does_not_end_a_table():
    text = "epoch     train_loss  accuracy\n0         0.69        0.5\nsome warning about nothing\n1         0.49        0.6\n"
    assert series(text)["train_loss"] == [(0, 0.69), (1, 0.49)]


def test_tabs():
    assert points("gen\tnevals\tavg   \tmin\n0  \t80    \t20.575\t13 \n") == [("avg", 20.575, 0), ("min", 13.0, 0)]


def test_classification_report():
    text = (
        "              precision    recall  f1-score   support\n\n           0       1.00      0.98      0.99        33\n\n"
        "    accuracy                           0.99        61\n   macro avg       0.98      0.99      0.98        61\n"
    )
    found = series(text)
    assert found["accuracy"] == [(0, 0.99)]
    assert found["0/recall"] == [(0, 0.98)]
    assert found["macro avg/f1-score"] == [(0, 0.98)]
    assert not any("support" in name for name in found)


def test_parameters_behind_an_objective_are_no_metrics():
    text = "|   iter    |  target   |   expC    |\n-------------------------------------\n| \x1b[39m1  \x1b[39m | \x1b[39m0.93\x1b[39m | \x1b[39m-0.91\x1b[39m |\n"
    assert points(text) == [("target", 0.93, 1)]


def test_the_step_of_a_box_may_stand_below_its_values():
    text = (
        "----------------------------------\n| rollout/           |            |\n|    ep_rew_mean     | 27.2       |\n"
        "| time/              |            |\n|    fps             | 1100       |\n|    total_timesteps | 4096       |\n"
        "| train/             |            |\n|    value_loss      | 52.3       |\n----------------------------------\n"
    )
    assert points(text) == [("rollout/ep_rew_mean", 27.2, 4096), ("train/value_loss", 52.3, 4096)]


def test_lightnings_result_table():
    text = "┏━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┓\n┃ Test metric ┃ DataLoader 0 ┃\n┡━━━━━━━━━━━━━╇━━━━━━━━━━━━━━┩\n│  test_acc   │ 0.8148148059 │\n└─────────────┴──────────────┘\n"
    assert [p[:2] for p in points(text)] == [("test_acc", 0.8148148059)]
    plain = "─────────────\n       Test metric             DataLoader 0\n─────────────\n        test_acc            0.8148\n─────────────\n"
    assert [p[:2] for p in points(plain)] == [("test_acc", 0.8148)]


def test_a_model_summary_is_no_table_of_metrics():
    text = "┃ Layer (type) ┃ Output Shape ┃ Param # ┃\n│ d1 (Dense)   │ (None, 32)   │   2,080 │\n Total params: 2,410 (9.41 KB)\n"
    assert points(text) == []


def test_transformers_block():
    text = "***** eval metrics *****\n  epoch         =        3.0\n  eval_loss     =       0.39\n  eval_runtime  = 0:00:00.01\n  total_flos    =        2GF\n"
    assert points(text) == [("eval_loss", 0.39, 3)]


def test_a_header_cut_at_the_terminals_edge():
    text = "     Class     Images      Box(P          R      mAP50  mA…: 100% ━━━━ 1/1 27.2it/s 0.0s\n"
    text += "       all          8        0.5       0.25       0.75    0.5\n"
    assert series(text) == {"Box(P": [(0, 0.5)], "R": [(0, 0.25)], "mAP50": [(0, 0.75)]}


def test_a_header_of_two_lines():
    text = (
        "average    since      example    mean\nloss       last       counter    score\n"
        "0.500000   0.500000         2     0.25\n0.250000   0.125000         4     0.75\n"
    )
    assert series(text) == {
        "average loss": [(2, 0.5), (4, 0.25)],
        "since last": [(2, 0.5), (4, 0.125)],
        "mean score": [(2, 0.25), (4, 0.75)],
    }


def test_lines_that_do_not_stand_above_each_other_are_no_header_of_two():
    text = "some words apart here\nepoch      loss     acc   rank\n1          0.5      0.9   0.1\n"
    assert points(text) == [("loss", 0.5, 1), ("acc", 0.9, 1), ("rank", 0.1, 1)]


def test_rows_between_commas_with_blank_lines():
    text = "epoch,train_loss,eval_top1\n\n0,1.25,50.5\n\n1,0.75,62.5\n\n2,,63.5\n"
    assert series(text) == {
        "train_loss": [(0, 1.25), (1, 0.75)],
        "eval_top1": [(0, 50.5), (1, 62.5), (2, 63.5)],
    }


def test_data_between_commas_is_no_table_of_metrics():
    assert points("name,score,height\nada,0.5,1.75\nbob,0.25,1.5\n") == []


def test_blank_cells_in_the_first_row_stand_right_under_their_columns():
    text = "epoch       iteration   main/loss   val/loss    main/acc    elapsed\n0           100         6.25                    0.125       13.5   \n"
    assert points(text) == [("main/loss", 6.25, 100), ("main/acc", 0.125, 100)]


def test_a_threshold_in_the_name_of_a_column():
    text = "     Class    Images         P         R    mAP@.5  mAP@.5:.95\n       all        28      0.25     0.375     0.125      0.0625\n"
    assert [p[:2] for p in points(text)] == [("P", 0.25), ("R", 0.375), ("mAP@.5", 0.125), ("mAP@.5:.95", 0.0625)]


def test_a_long_label_and_a_status():
    text = (
        "Trial name                    status      iter    total time (s)    reward\n"
        "----------------------------  --------  ------  ----------------  --------\n"
        "PPO_CartPole-v1_abcde_00001   RUNNING        3           30.3035    190.75\n"
    )
    assert points(text) == [("reward", 190.75, 3)]


def test_a_header_behind_a_comments_mark():
    text = "#  step      rmse_val      rmse_trn         lr\n      0      2.5e+01      6.5e-01    1.0e-03\n    100      1.5e+01      2.5e-01    1.0e-03\n"
    assert series(text)["rmse_trn"] == [(0, 0.65), (100, 0.25)]


def test_a_column_of_the_mark_alone_still_counts():
    text = "#      loss     acc\n1      0.5      0.75\n2      0.25     0.875\n"
    assert series(text) == {"loss": [(1, 0.5), (2, 0.25)], "acc": [(1, 0.75), (2, 0.875)]}


def test_single_upright_lines_between_the_columns():
    text = (
        "Epoch | Train Loss | Train Acc | Val Loss |   LR   | Time\n------------------------------------------\n"
        "    1 |     1.8226 |   52.86%  |   1.0962 | 1e-02 | 1.2s\n    2 |     0.6968 |   85.15%  |   0.4486 | 1e-02 | 1.2s *\n"
    )
    found = series(text)
    assert found["Train Loss"] == [(1, 1.8226), (2, 0.6968)]
    assert found["Train Acc"] == [(1, 52.86), (2, 85.15)]
    assert found["Val Loss"] == [(1, 1.0962), (2, 0.4486)]
    assert "Time" not in found


def test_names_and_values_between_upright_lines_are_no_header():
    assert points("epoch 001 | valid on 'valid' subset | loss 8.5 | ppl 18.5\n") == [
        ("val/loss", 8.5, 1),
        ("val/ppl", 18.5, 1),
    ]


def test_a_column_names_the_metric_of_its_row():
    text = (
        "|Tasks |Version|n-shot|      Metric      |   |Value |   |Stderr|\n|------|------:|-----:|------------------|---|-----:|---|------|\n"
        "|ifeval|      4|     0|inst_loose_acc    |↑  |0.6403|±  |   N/A|\n|      |       |     0|prompt_loose_acc  |↑  |0.5471|±  |0.0214|\n"
    )
    assert points(text) == [("ifeval/inst_loose_acc", 0.6403, 0), ("ifeval/prompt_loose_acc", 0.5471, 0)]


def test_results_of_two_data_loaders():
    text = "┃   Test metric   ┃ DataLoader 0 ┃ DataLoader 1 ┃\n┡━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━┩\n│    test_acc     │    0.915     │    0.919     │\n└─────────────────┴──────────────┴──────────────┘\n"
    assert points(text) == [("test_acc/DataLoader 0", 0.915, 0), ("test_acc/DataLoader 1", 0.919, 0)]


def test_the_first_of_a_vector_in_a_cell_counts():
    text = "| Epoch | time |     Loss     |  recall  |\n+-------+------+--------------+----------+\n|   6   | 10.2 | [332.5, 1.5] | [0.0321] |\n"
    assert points(text) == [("Loss", 332.5, 6), ("recall", 0.0321, 6)]


def test_two_columns_one_blank_apart_and_classes_that_are_numbers():
    text = (
        "               Class     Images     Labels          P          R     mAP@.5 mAP@.5:.95: 100%|████| 14/14 [00:28<00:00,  2.03s/it]\n"
        "                 all        842      14522      0.374      0.292      0.311      0.243\n"
        "                   0        842       1355       0.76     0.0537      0.576      0.215\n"
    )
    found = series(text)
    assert found["mAP@.5"] == [(0, 0.311)]
    assert found["mAP@.5:.95"] == [(0, 0.243)]
    assert found["0/P"] == [(0, 0.76)]
    assert "Class" not in found


def test_a_header_of_two_lines_without_a_known_word_in_the_first():
    text = "average  since         example        example\nloss     last          counter         weight\n0.640000 0.330000            3            3.0\n"
    assert ("average loss", 0.64, 3) in points(text)


def test_vectors_in_aligned_columns():
    text = "Step      Train loss              Test loss               Test metric\n0         [3.75e-02, 1.59e+00]    [3.72e-02, 0.00e+00]    []\n1000      [2.5e+02, 4.68e+01]     [3.00e+02, 0.00e+00]    []\n"
    assert points(text) == [
        ("Train loss", 0.0375, 0),
        ("Test loss", 0.0372, 0),
        ("Train loss", 250.0, 1000),
        ("Test loss", 300.0, 1000),
    ]


def test_a_tag_before_every_row_is_no_label():
    text = "[NCA]  Iteration      Objective Value    Time(s)\n[NCA] ------------------------------------------\n[NCA]          1         1.25e+02       0.00\n"
    assert points(text) == [("Objective Value", 125.0, 1)]
