"""Pairs of name and value: what is one, what is none, where it stands."""
# ruff: noqa: E501 - the lines of real programs are kept whole

import pytest

from metric_texts import points, series


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 0.3", [("Loss", 0.3, 640)]),
        ("Epoch: [0][ 11/100]\tTime 0.2 (0.3)\tLoss 6.8e+00 (6.9e+00)\tAcc@1 0.50 (0.20)", [("Loss", 6.8, 11), ("Acc@1", 0.5, 11)]),
        (" *   Acc@1 1.123 Acc@5 4.567", [("Acc@1", 1.123, 0), ("Acc@5", 4.567, 0)]),
        ("iter 0: loss 4.5495, time 134.97ms, mfu -100.00%", [("loss", 4.5495, 0)]),
        (" iteration 122/ 250000 | lm loss: 2.5E+00 | loss scale: 1.0 | grad norm: 0.231 |", [("lm loss", 2.5, 122), ("grad norm", 0.231, 122)]),
        ("0:\tlearn: 0.48\ttest: 0.50\tbest: 0.50 (0)\ttotal: 52ms", [("learn", 0.48, 0), ("test", 0.5, 0), ("best", 0.5, 0)]),
        ("INFO:tensorflow:loss = 4.2, step = 100 (124.394 sec)", [("loss", 4.2, 100)]),
        ("Cost after iteration 100: 0.64", [("Cost", 0.64, 100)]),
        ("steps: 10 loss: 0.65 iter time (s): 0.056 samples/sec: 1204.1", [("loss", 0.65, 10)]),
        ("epoch=6, loss=tensor(0.1234, grad_fn=<NllLossBackward0>)", [("loss", 0.1234, 6)]),
        ("epoch 1 - iter 1/10 - loss 0.89 - time (sec): 0.12 - lr: 0.1", [("loss", 0.89, 1), ("lr", 0.1, 1)]),
        ("(epoch: 1, iters: 100, time: 0.1, data: 0.2) G_GAN: 1.2 G_L1: 10.1", [("G_GAN", 1.2, 100), ("G_L1", 10.1, 100)]),
        ("[0/1][3/16] Loss_D: 1.2 D(x): 0.5 D(G(z)): 0.46 / 0.37", [("Loss_D", 1.2, 3), ("D(x)", 0.5, 3), ("D(G(z))", 0.46, 3), ("D(G(z)) 2", 0.37, 3)]),
        ("Test set: Average loss: 1.5673, Accuracy: 207/360 (58%)", [("test/Average loss", 1.5673, 0), ("test/Accuracy", 58.0, 0)]),
        ("Epoch 3 | Train: loss 0.5, acc 0.9 | Val: loss 0.4, acc 0.8", [("loss", 0.5, 3), ("acc", 0.9, 3), ("val/loss", 0.4, 3), ("val/acc", 0.8, 3)]),
        ("Accuracy of the network on the 517 test images: 80 %", [("Accuracy of the network on the 517 test images", 80.0, 0)]),
        ("[Metrics] NDCG(k=20): 0.228186 - Recall(k=50): 0.382371", [("NDCG(k=20)", 0.228186, 0), ("Recall(k=50)", 0.382371, 0)]),
        ("Epoch 0, global step 11: 'val_acc' reached 0.77333 (best 0.77333), saving", [("val_acc", 0.77333, 11)]),
        ("Better model found at epoch 2 with valid_loss value: 0.757.", [("valid_loss", 0.757, 2)]),
        ("Eval num_timesteps=1000, episode_reward=67.50 +/- 8.04", [("eval/episode_reward", 67.5, 1000)]),
        ("Epoch: [0] [180/752] loss: 1.353478 batch_cost: 0.2074 data_cost: 0.0013", [("loss", 1.353478, 180)]),
        ("step:34 - critic/score/min:-1.5 - Metrics/peak_height_mean:0.5 - metrics/step_time:0.5", [("critic/score/min", -1.5, 34), ("Metrics/peak_height_mean", 0.5, 34)]),
        ("[2024-02-07 10:23:45,248 INFO misc.py line 119 49892] Train: [15/20][2/3] Data 1.8 (1.8) loss: 0.8137", [("loss", 0.8137, 2)]),
        ("17/05/09 00:06:55 INFO Tracker$Logger: 2017-05-09 00:06:55,014 INFO [703]\ttrain-auc:0.992958", [("train-auc", 0.992958, 703)]),
        ("Val result: mIoU/mAcc/allAcc 0.1280/0.2169/0.5232.", [("val/mIoU", 0.128, 0), ("val/mAcc", 0.2169, 0), ("val/allAcc", 0.5232, 0)]),
        ("epoch 2 P/R/F1: 0.91 / 0.85 / 0.88 loss 0.5", [("P", 0.91, 2), ("R", 0.85, 2), ("F1", 0.88, 2), ("loss", 0.5, 2)]),
        ("train/loss: 0.5 / 0.4", [("train/loss", 0.5, 0), ("train/loss 2", 0.4, 0)]),
        ("KL divergence after 250 iterations with early exaggeration: 56.221531", [("KL divergence", 56.221531, 250)]),
        ("Test accuracy after 3 epochs: 0.9125", [("Test accuracy", 0.9125, 3)]),
        ("R^2 = 0.912", [("R^2", 0.912, 0)]),
        ("MeanRew: \t -257.4 +- 63.2", [("MeanRew", -257.4, 0)]),
        ("loss=2", [("loss", 2.0, 0)]),
        ("INFO val/acc: 1", [("val/acc", 1.0, 0)]),
        ("loss=1 acc=0.5", [("loss", 1.0, 0), ("acc", 0.5, 0)]),
        ("epoch 1: loss 4, acc 0.5", [("loss", 4.0, 1), ("acc", 0.5, 1)]),
        ("[epoch_index: 4/80][batch_index:30/95] [D loss: 0.25, acc:  61%]", [("D loss", 0.25, 30), ("acc", 61.0, 30)]),
        ("4epoch:train:1-300batch: iter_time=2.8e-04, loss=51.5, acc=0.125, train_time=1.8", [("loss", 51.5, 4), ("acc", 0.125, 4)]),
        ("Training of epoch 7 - WER: 0.5, loss: 16.25", [("WER", 0.5, 7), ("loss", 16.25, 7)]),
        ("tick 12   kimg 48.4   time 3m 20s   sec/kimg 17.34   fid10k 33.5", [("fid10k", 33.5, 12)]),
        ("x.Listener - Score at iteration 40 is 512.25", [("Score", 512.25, 40)]),
        ("runner: gpu_test: Step: 900. Time Elapsed: 10.5 s Mean Reward: -3.25. Std of Reward: 0.5. Training.", [("Mean Reward", -3.25, 900), ("Std of Reward", 0.5, 900)]),
        ("Hurra! New best mean Dice: 0.75", [("New best mean Dice", 0.75, 0)]),
        ("- F-score (macro) 0.625", [("F-score (macro)", 0.625, 0)]),
        ("iter 30 value 12.5", [("value", 12.5, 30)]),
        ("iter 31 act 2.5e-02 f 8.5e+03 |g| 3.75e+01 CG   2", [("act", 0.025, 31), ("f", 8500.0, 31), ("|g|", 37.5, 31)]),
        ("At iterate   25    f=  4.50D+02    |proj g|=  5.00D-01", [("f", 450.0, 25), ("|proj g|", 0.5, 25)]),
        (" Epoch[3 of 9]: TrainLoss = 0.5; EvalErr[0]PerSample = 0.25", [("TrainLoss", 0.5, 3), ("EvalErr[0]PerSample", 0.25, 3)]),
        ("Epoch 1, batch 9, loss[loss=0.5, ctc_loss=0.7], tot_loss[loss=0.6, ctc_loss=0.8, over 12.0 frames.]", [("loss/loss", 0.5, 9), ("loss/ctc_loss", 0.7, 9), ("tot_loss/loss", 0.6, 9), ("tot_loss/ctc_loss", 0.8, 9)]),
        ("Epoch 2 train[loss=0.5] val[loss=0.4]", [("loss", 0.5, 2), ("val/loss", 0.4, 2)]),
        ("mAP@.5:.95: 0.375", [("mAP@.5:.95", 0.375, 0)]),
        ("loss(x, y) = param(0.125)", [("loss", 0.125, 0)]),
        ("loss: 8.5; acc: 30.0/40.0=0.75", [("loss", 8.5, 0), ("acc", 0.75, 0)]),
        ("Force  MAE         : 2.5e-01 eV", [("Force MAE", 0.25, 0)]),
        ("bev  AP:87.5, 75.5, 62.5", [("bev AP", 87.5, 0)]),
        ("Val   loss: 0.25", [("val/loss", 0.25, 0)]),
        ("Avg. Loss: 265.5 | CER: 0.75", [("Avg. Loss", 265.5, 0), ("CER", 0.75, 0)]),
        ("[ITER 200] Evaluating test: PSNR 18.5", [("test/PSNR", 18.5, 200)]),
        ("accuracy(m, x, labels, 0.0:9) = 0.875", [("accuracy", 0.875, 0)]),
        ("Process 20/300(6.67%) average objf: -0.5 over 640.0 frames, batch average objf: -0.25 over 64 frames, epoch 1", [("average objf", -0.5, 1), ("batch average objf", -0.25, 1)]),
    ],
)  # fmt: skip
def test_a_line_with_metrics(text, expected):
    assert points(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "seed: 42",
        "learning_rate = 1e-3 # with baby networks can afford to go a bit higher",
        "Overriding: dropout = 0.2",
        "(1): BatchNorm2d(64, eps=1e-05, momentum=0.1, affine=True)",
        "Namespace(lr=0.0002, beta1=0.5, loss=1.5, dry_run=False)",
        "engine/trainer: task=detect, mode=train, model=yolov8n.yaml, data=coco8.yaml, box=7.5, iou=0.7",
        "[LightGBM] [Info] Start training from score 0.518344",
        "Number of positive: 267, number of negative: 159",
        "Epoch 1 took 12.3 seconds",
        "saved epoch=0-step=19-val_loss=0.32.ckpt",
        "Successfully installed torchmetrics-1.4.0 loss==1.2.3",
        "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.045 ms",
        '10.0.0.1 - - [10/Oct/2025:13:55:36] "GET /items?page=2&score=0.26 HTTP/1.1" 200 2326',
        "a.c:2:72: return accuracy ? \"a\" : 1.5;",
        "2025-11-22 20:00:00.123 | WARNING  | __main__:train:42 - loss=0.5 is high",
        "print(f'step:{step}/{total} val_loss:{val_loss:.4f}')",
        "Metric val_loss improved by 0.414 >= 0.0",
        "gpu memory: 12.5 GiB, loss_scale: 65536.0",
        "error: 2",
        "precision: 16",
        "packet loss: 3",
        "see loss: 3",
        "accuracy: 1 of 3",
        "loss 2",
    ],
)  # fmt: skip
def test_a_line_without(text):
    assert points(text) == []


def test_the_step_may_stand_on_a_line_above():
    text = "Iteration: \t 3\nLoss: \t 0.5\nMaxRew: \t -1.5\nMeanLen: \t 7.25\n-----\n"
    assert points(text) == [("Loss", 0.5, 3), ("MaxRew", -1.5, 3), ("MeanLen", 7.25, 3)]


def test_a_heading_names_split_and_epoch():
    text = "Epoch 2\n-----\nloss: 1.5  [   64/ 1280]\nTest Error: \n Accuracy: 50.5%, Avg loss: 2.1 \n"
    assert series(text) == {"loss": [(64, 1.5)], "test/Accuracy": [(2, 50.5)], "test/Avg loss": [(2, 2.1)]}


def test_parameters_of_a_trial_are_no_metrics():
    assert points("trial 5: C=1.745 acc=0.9733") == [("acc", 0.9733, 5)]


def test_names_with_digits_that_were_put_together_stay_apart():
    lines = [f"step {i} a[loss1=0.{i}5] b[loss1=0.5]\nstep {i} a[loss2=0.{i}25] b[loss2=0.5]\n" for i in range(1, 5)]
    assert sorted(series("".join(lines))) == ["a/loss1", "a/loss2", "b/loss1", "b/loss2"]


@pytest.mark.parametrize(
    "text",
    [
        "Machine precision = 2.220D-16",
        "step 4 - timing_s/gen:100.5 - timing_s/step:131.5",
        "epoch 3 took 2.5",
        "a |= 0.5",
    ],
)
def test_what_only_looks_like_it(text):
    assert points(text) == []


def test_not_a_number_of_per_cent():
    ((name, value, step),) = points("epoch 2: validation error nan %")
    assert (name, step) == ("validation error", 2)
    assert value != value
