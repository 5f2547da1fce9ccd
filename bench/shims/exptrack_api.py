"""The product's calls for training scripts (`import exptrack`), inside `exptrack run`."""

import json
import os
import sys


def start(params):
    import exptrack

    exptrack.params(params)


def log(metrics, step):
    import exptrack

    exptrack.log(metrics, step=step)


def artifact(path):
    import exptrack

    exptrack.artifact("model" if os.path.isfile(path) else "files", path)


def finish():
    pass  # the run ends with the process


def count():
    import exptrack_store

    return exptrack_store.count()


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
