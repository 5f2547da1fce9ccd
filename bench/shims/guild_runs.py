"""guild has no logging API of its own (it reads stdout or TensorBoard files): only the store readers."""

import glob
import json
import os
import sys


def count():
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    runs = done = points = 0
    for d in glob.glob(os.environ["GUILD_HOME"] + "/runs/*/.guild"):
        runs += 1
        try:
            done += open(d + "/attrs/exit_status").read().strip() == "0"
        except OSError:
            pass
        for f in glob.glob(d + "/events.out.tfevents.*"):
            for e in EventFileLoader(f).Load():
                points += sum(1 for v in e.summary.value if not v.tag.startswith("sys/"))
    return {"runs": runs, "complete": done, "points": points}


def generate(n):
    import shutil

    import yaml
    from guild.summary import SummaryWriter
    from stores import runs

    home = os.environ["GUILD_HOME"] + "/runs"
    model = glob.glob(home + "/*")[0]  # a real run, made by the harness before
    for i, params, metrics in runs(int(n)):
        h = f"{i:032x}"
        d = f"{home}/{h}"
        shutil.copytree(model, d, ignore=shutil.ignore_patterns("sourcecode", "events.out*", "output*", "*.py", "src"))

        def w(name, text):
            return open(f"{d}/.guild/attrs/{name}", "w").write(text)

        w("id", h + "\n")
        w("flags", yaml.safe_dump(params))
        w("started", f"{1767225600000000 + i * 1000000}\n")
        w("stopped", f"{1767225600000000 + i * 1000000 + 500000}\n")
        s = SummaryWriter(d + "/.guild", filename_suffix=".out")
        for k, v in metrics.items():
            s.add_scalar(k, v, 0)
        s.close()
    shutil.rmtree(model)
    return {"how": "a real run's folder copied, its attributes and event file written anew"}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
