"""scikit-learn: SGDClassifier(verbose=1). It keeps no history, so what it printed is read by one expression."""

from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier

x, y = make_classification(2000, 20, random_state=0)
SGDClassifier(loss="log_loss", max_iter=10, tol=None, verbose=1, random_state=0).fit(x, y)
