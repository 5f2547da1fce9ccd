"""Train a small network on handwritten digits. Knows nothing of exptrack.

Settings: built-in defaults, then the file given with --config, then flags. One seed gives the same bytes
in every output file, run after run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix, log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import data


def settings(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small network on handwritten digits.")
    parser.add_argument("--config", type=Path, help="TOML file; its keys are the flags below without the dashes")
    parser.add_argument("--lr", type=float, default=0.001, help="learning rate of Adam")
    parser.add_argument("--epochs", type=int, default=20, help="most passes over the training part; at least 1")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=64, help="units of the hidden layer")
    parser.add_argument("--alpha", type=float, default=1e-4, help="L2 penalty")
    parser.add_argument("--patience", type=int, default=5, help="stop after so many epochs without a better val/loss")
    parser.add_argument("--augment", action=argparse.BooleanOptionalAction, default=False, help="shift by a pixel")
    parser.add_argument("--seed", type=int, default=0, help="weights, order of the batches, shifts")
    parser.add_argument("--split-seed", type=int, default=0, help="which images are train, val and test")
    parser.add_argument("--quiet", action="store_true", help="print no line per epoch")
    parser.add_argument("--out", type=Path, default=Path("outputs"), help="folder for everything written")
    config = parser.parse_known_args(argv)[0].config
    if config is None:
        return parser.parse_args(argv)
    try:
        in_file = tomllib.loads(config.read_text())
    except (OSError, tomllib.TOMLDecodeError) as problem:
        parser.error(f"{config}: {problem}")
    # As flags before the real ones: the parser then checks names and types, and the command line wins.
    return parser.parse_args([as_flag(key, value) for key, value in in_file.items()] + argv)


def as_flag(key: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{key}" if value else f"--no-{key}"
    return f"--{key}={value}"


class Training:
    """The network, one epoch after the other; keeps the weights of the epoch with the lowest validation loss."""

    def __init__(self, options: argparse.Namespace, train: data.Part, val: data.Part) -> None:
        self.options, self.train, self.val = options, train, val
        self.rng = np.random.default_rng(options.seed)
        self.scaler = StandardScaler().fit(train.images)
        # No shuffling of its own: with a fixed seed it would repeat one order in every epoch.
        self.network = MLPClassifier(
            hidden_layer_sizes=(options.hidden,),
            learning_rate_init=options.lr,
            alpha=options.alpha,
            batch_size=options.batch_size,
            shuffle=False,
            random_state=options.seed,
        )
        self.best_epoch, self.best_loss = 0, np.inf
        self.best_weights: list[np.ndarray] = []

    def epoch(self) -> None:
        order = self.rng.permutation(len(self.train.labels))
        images = self.train.images[order]
        if self.options.augment:
            images = data.shifted(images, self.rng)
        self.network.partial_fit(self.scaler.transform(images), self.train.labels[order], classes=data.CLASSES)

    def evaluate(self, part: data.Part) -> tuple[float, float, np.ndarray]:
        """Mean cross entropy, accuracy, and the predicted digits."""
        chances = self.network.predict_proba(self.scaler.transform(part.images))
        predicted = chances.argmax(axis=1)
        return log_loss(part.labels, chances, labels=data.CLASSES), float((predicted == part.labels).mean()), predicted

    def run(self) -> None:
        for epoch in range(1, self.options.epochs + 1):
            self.epoch()
            train_loss, _, _ = self.evaluate(self.train)
            val_loss, val_acc, _ = self.evaluate(self.val)
            if not self.options.quiet:
                print(
                    f"epoch {epoch}/{self.options.epochs} "
                    f"train/loss={train_loss:.4f} val/loss={val_loss:.4f} val/acc={val_acc:.4f}",
                    flush=True,
                )
            if val_loss < self.best_loss:
                self.best_epoch, self.best_loss = epoch, val_loss
                self.best_weights = [w.copy() for w in self.network.coefs_ + self.network.intercepts_]
            elif epoch - self.best_epoch >= self.options.patience:
                break
        print(f"keeping the weights of epoch {self.best_epoch}", flush=True)
        layers = len(self.network.coefs_)
        self.network.coefs_, self.network.intercepts_ = self.best_weights[:layers], self.best_weights[layers:]

    def save(self, folder: Path) -> None:
        # npz and JSON instead of pickles: loading them runs no code, and equal weights are equal bytes.
        names = ("hidden.weights", "output.weights", "hidden.bias", "output.bias")
        np.savez(folder / "model.npz", **dict(zip(names, self.best_weights, strict=True)))
        write_json(
            folder / "preprocessor.json", {"mean": self.scaler.mean_.tolist(), "scale": self.scaler.scale_.tolist()}
        )


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value) + "\n")


def main(argv: list[str]) -> None:
    options = settings(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    digits = data.load()
    rows = data.split(digits.labels, options.split_seed)
    parts = {name: data.Part(digits.images[part], digits.labels[part]) for name, part in rows.items()}
    print("digits:", ", ".join(f"{len(part)} for {name}" for name, part in rows.items()), flush=True)
    write_json(
        options.out / "split.json", {"seed": options.split_seed, **{name: part.tolist() for name, part in rows.items()}}
    )
    write_json(options.out / "seed.json", {"seed": options.seed, "split_seed": options.split_seed})

    training = Training(options, parts["train"], parts["val"])
    training.run()
    training.save(options.out)

    test_loss, test_acc, predicted = training.evaluate(parts["test"])
    print(f"test/loss={test_loss:.4f} test/acc={test_acc:.4f}", flush=True)
    write_json(
        options.out / "report.json",
        {
            "epoch": training.best_epoch,
            "test/loss": test_loss,
            "test/acc": test_acc,
            "confusion": confusion_matrix(parts["test"].labels, predicted, labels=data.CLASSES).tolist(),
        },
    )


if __name__ == "__main__":
    # One thread: BLAS sums in another order with another number of threads, and the last digits would differ.
    with threadpool_limits(1):
        main(sys.argv[1:])
