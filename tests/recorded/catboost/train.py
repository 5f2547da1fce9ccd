"""CatBoost: a line a tree, and its own folder catboost_info with learn_error.tsv, test_error.tsv and event files."""

import json
import os
from itertools import accumulate

from catboost import CatBoostClassifier
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

x, y = make_classification(2000, 20, flip_y=0.1, random_state=0)
x1, x2, y1, y2 = train_test_split(x, y, random_state=0)
model = CatBoostClassifier(iterations=30, learning_rate=0.1, depth=4, thread_count=1, random_seed=0, verbose=1)
model.fit(x1, y1, eval_set=(x2, y2))

with open(os.environ["HISTORY"], "w") as out:
    found = model.get_evals_result()
    learn, test = found["learn"]["Logloss"], found["validation"]["Logloss"]
    told = {"learn": learn, "test": test, "best": list(accumulate(test, min))}
    series = {name: [list(range(len(values))), values] for name, values in told.items()}
    json.dump({**series, "bestTest": [[len(test) - 1], [min(test)]]}, out)
