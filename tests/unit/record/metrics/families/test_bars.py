"""Progress bars: one point a position, the last frame of an epoch, nothing of the bar's own numbers."""
# ruff: noqa: E501 - the lines of real programs are kept whole

from metric_texts import points, series

FRAME = "\rEpoch {e}: {p:3}%|####  | {n}/20 [00:00<00:01, 9.5it/s, v_num=0, loss={v:.3f}]"


def test_a_bar_inside_an_epoch_gives_its_last_frame():
    text = "".join(FRAME.format(e=e, p=5 * n, n=n, v=e + n / 100) for e in (0, 1) for n in range(21))
    assert points(text + "\n") == [("loss", 0.2, 0), ("loss", 1.2, 1)]


def test_a_bar_over_the_whole_run_gives_one_point_a_count():
    text = "".join(f"\r{p}%|##| {p}/100 [00:01<00:02, 9it/s, loss={v}]" for p in (1, 2, 3) for v in (0.5, 0.25))
    assert points(text) == [("loss", 0.25, 1), ("loss", 0.25, 2), ("loss", 0.25, 3)]


def test_a_run_long_bar_goes_on_past_epoch_lines():
    frame = "\r {n}%|#| {n}/24 [00:00<00:00, 90it/s, loss={v}]"
    text = (
        frame.format(n=8, v=0.6) + "epoch 0: {'accuracy': 0.7}\n" + frame.format(n=9, v=0.5) + frame.format(n=10, v=0.4)
    )
    assert series(text) == {"loss": [(8, 0.6), (9, 0.5), (10, 0.4)], "accuracy": [(0, 0.7)]}


def test_a_number_cut_at_the_terminals_edge_is_dropped():
    assert points("\rEpoch 0: 100%|##| 20/20 [00:00<00:00, 9it/s, loss=0.31, train_acc=0.\n") == [("loss", 0.31, 0)]


def test_a_log_line_glued_to_a_bar_is_read():
    text = "\r 50%|#| 1/2 [00:00<00:00, 9it/s, loss=2.03]11/22/2026 10:00:00 - INFO - epoch 0: {'accuracy': 0.5}\n"
    assert ("accuracy", 0.5, 0) in points(text)


def test_keras_redraws_with_backspaces():
    text = "Epoch 1/2\n\r 1/19 ━━━━ 5s 300ms/step - loss: 2.4" + "\b" * 30
    text += "\r19/19 ━━━━ 1s 9ms/step - loss: 2.2989 - val_loss: 2.1045\nEpoch 2/2\n"
    text += "19/19 [==============================] - 1s 5ms/step - loss: 2.1 - val_loss: 2.0\n"
    assert series(text) == {"loss": [(1, 2.2989), (2, 2.1)], "val_loss": [(1, 2.1045), (2, 2.0)]}


def test_a_rich_bar_wraps_its_metrics():
    text = "Epoch 0/3  ━━━━━━ 19/19 0:00:00 • 0:00:00 23.44it/s v_num: 0.000\n" + " " * 40 + "train_loss: 2.049\n"
    text += " " * 40 + "val_acc: 0.747\nEpoch 1/3  ━━━━━━ 1/19 0:00:00 • 0:00:00 23.44it/s\n"
    assert points(text) == [("train_loss", 2.049, 0), ("val_acc", 0.747, 0)]


def test_rich_breaks_a_line_between_a_name_and_its_value():
    text = "Epoch 0/1  ━━━━━━ 16/16 0:00:00 • 0:00:00 23.44it/s v_num: 0.000 val_loss: 0.411 val_acc: \n"
    text += " " * 40 + "0.844 train_loss: 0.499\n"
    assert points(text) == [("val_loss", 0.411, 0), ("val_acc", 0.844, 0), ("train_loss", 0.499, 0)]


def test_what_a_rich_bar_shows_before_its_first_step_is_of_the_epoch_before():
    """Before epoch 0 it is Lightning's sanity check; the last frame of an epoch need not have been drawn."""
    frame = "Epoch {} ━━━━━━ {}/16 0:00:00 • 0:00:00 23.44it/s v_num: 0.000 {}\n"
    text = frame.format("0/1", 0, "val_loss: 0.722") + frame.format("0/1", 16, "")
    text += frame.format("1/1", 0, "val_loss: 0.594") + frame.format("1/1", 9, "val_loss: 0.594")
    assert points(text + frame.format("1/1", 16, "val_loss: 0.411")) == [("val_loss", 0.594, 0), ("val_loss", 0.411, 1)]


def test_ultralytics_puts_table_rows_into_the_bar():
    text = (
        "      Epoch    GPU_mem   box_loss   cls_loss  Instances       Size\n"
        "\r        1/3         0G      1.999      2.999         13        640:   0%|  | 0/2 [00:00<?, ?it/s]"
        "\r        1/3         0G      1.185      2.543         13        640: 100%|##| 2/2 [00:01<00:00,  1.21s/it]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|#| 1/1 [00:00<00:00, 2it/s]\n"
        "                   all          4         17      0.578      0.848      0.891      0.637\n"
    )
    found = series(text)
    assert found["box_loss"] == [(1, 1.185)]
    assert found["mAP50"] == [(1, 0.891)]
    assert found["mAP50-95"] == [(1, 0.637)]
    assert "Instances" not in found


def test_a_bar_without_metrics_gives_none():
    assert points("\rCounting: 100%|##| 4000/4000 [00:00<00:00, 86293.23 examples/s]\n") == []


def test_a_long_epoch_shows_while_it_lasts():
    frame = "\rEpoch 2:  {p}%|##| {n}/100 [{clock}<09:59, 1.0s/it, loss={v}]"
    clocks = ["00:10", "00:29", "00:40", "00:50", "01:20", "1:01:20"]
    text = "".join(frame.format(p=10 * i, n=10 * i, clock=c, v=i / 10) for i, c in enumerate(clocks, 1))
    assert points(text) == [("loss", 0.3, 1.3), ("loss", 0.5, 1.5), ("loss", 0.6, 1.6), ("loss", 0.6, 2)]


def test_a_bar_whose_counter_is_no_number_costs_its_block_nothing():
    """Found by fuzz/."""
    assert ("loss", 0.5, 1) in points("acc: 0.9 50%|####  | ,/2 [0001 50%|\nepoch 1 loss=0.5\n")


def test_names_and_values_with_a_dash_between():
    text = "valid: 100%|██████████| 40/40 [00:06<00:00,  7.23it/s, bce_dice_loss - -3.25, iou - 0.5]\n"
    assert points(text) == [("val/bce_dice_loss", -3.25, 40), ("val/iou", 0.5, 40)]
