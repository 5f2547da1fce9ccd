"""XGBoost: xgb.train with two evaluation sets and two metrics, a line a round."""

import json
import os

import xgboost as xgb
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

x, y = make_classification(2000, 20, flip_y=0.1, random_state=0)
x1, x2, y1, y2 = train_test_split(x, y, random_state=0)
train, valid = xgb.DMatrix(x1, y1), xgb.DMatrix(x2, y2)
history: dict = {}
params = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "max_depth": 4, "eta": 0.1, "nthread": 1}
xgb.train(params, train, 30, [(train, "train"), (valid, "valid")], evals_result=history, early_stopping_rounds=20)

with open(os.environ["HISTORY"], "w") as out:
    told = {f"{split}-{name}": values for split, metrics in history.items() for name, values in metrics.items()}
    json.dump({name: [list(range(len(values))), values] for name, values in told.items()}, out)
