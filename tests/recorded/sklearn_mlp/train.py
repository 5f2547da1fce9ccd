"""scikit-learn: MLPClassifier(verbose=True) with early stopping, which prints a loss and a validation score a round."""

import json
import os

from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

x, y = load_digits(return_X_y=True)
model = MLPClassifier((32,), max_iter=12, verbose=True, early_stopping=True, random_state=0).fit(x / 16, y)

with open(os.environ["HISTORY"], "w") as out:
    steps = list(range(1, len(model.loss_curve_) + 1))
    told = {"loss": model.loss_curve_, "Validation score": model.validation_scores_}
    json.dump({name: [steps, [float(v) for v in values]] for name, values in told.items()}, out)
