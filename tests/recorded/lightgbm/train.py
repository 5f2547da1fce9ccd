"""LightGBM: lgb.train with early stopping; evaluation is printed every round, tab-separated."""

import json
import os

import lightgbm as lgb
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

x, y = make_classification(2000, 20, flip_y=0.1, random_state=0)
x1, x2, y1, y2 = train_test_split(x, y, random_state=0)
train = lgb.Dataset(x1, y1)
valid = lgb.Dataset(x2, y2, reference=train)
history: dict = {}
lgb.train(
    {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_threads": 1, "seed": 0, "deterministic": True},
    train,
    30,
    valid_sets=[train, valid],
    valid_names=["training", "valid_1"],
    callbacks=[lgb.log_evaluation(1), lgb.early_stopping(10), lgb.record_evaluation(history)],
)

with open(os.environ["HISTORY"], "w") as out:
    told = {f"{split}'s {name}": values for split, metrics in history.items() for name, values in metrics.items()}
    json.dump({name: [list(range(1, len(values) + 1)), list(values)] for name, values in told.items()}, out)
