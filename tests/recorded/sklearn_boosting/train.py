"""scikit-learn: GradientBoostingClassifier(verbose=2), a table with a line a tree and the time that remains."""

import json
import os

from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier

x, y = make_classification(1000, 20, random_state=0)
model = GradientBoostingClassifier(n_estimators=25, subsample=0.5, verbose=2, random_state=0).fit(x, y)

with open(os.environ["HISTORY"], "w") as out:
    steps = list(range(1, 26))
    told = {"Train Loss": model.train_score_, "OOB Improve": model.oob_improvement_}
    json.dump({name: [steps, [float(v) for v in values]] for name, values in told.items()}, out)
