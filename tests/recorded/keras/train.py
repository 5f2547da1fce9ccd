"""Keras: fit with a bar (verbose=1, the default), a validation set and CSVLogger; then evaluate."""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(1024, 16)).astype("float32")
y = (x[:, :4].sum(1) > 0).astype("float32")
model = keras.Sequential([keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, activation="sigmoid")])
model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
done = model.fit(
    x[:768],
    y[:768],
    epochs=6,
    validation_data=(x[768:], y[768:]),
    callbacks=[keras.callbacks.CSVLogger("training.log")],
)

with open(os.environ["HISTORY"], "w") as out:
    # Keras counts epochs from 1 where it prints and from 0 in its file.
    json.dump({k: [list(range(1, 7)), [float(v) for v in values]] for k, values in done.history.items()}, out)
