"""Common driver: workspaces, paired and interleaved timing, tables, JSON."""

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from tools import BY_NAME, EXPTRACK_BIN, HAS_EXPTRACK

HERE = os.path.dirname(os.path.abspath(__file__))
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.invalid", "-c", "commit.gpgsign=false"]


def arguments(doc, **extra):
    p = argparse.ArgumentParser(description=doc)
    p.add_argument("--json", default="", help="write the results here")
    p.add_argument("--venvs", default=os.environ.get("BENCH_VENVS", "venvs"), help="folder with one venv per tool")
    p.add_argument("--tmp", default=os.environ.get("BENCH_TMP") or tempfile.gettempdir(), help="scratch folder")
    p.add_argument("--tools", default="", help="comma-separated names (default: all that are installed)")
    p.add_argument("-n", type=int, default=5, help="counted runs per command")
    for k, v in extra.items():
        p.add_argument("--" + k.replace("_", "-"), type=type(v), default=v)
    a = p.parse_args()
    a.venvs, a.tmp = os.path.abspath(a.venvs), os.path.abspath(a.tmp)
    os.makedirs(a.tmp, exist_ok=True)
    return a


def selected(a, default):
    names = a.tools.split(",") if a.tools else default
    out = []
    for n in names:
        t = BY_NAME.get(n)
        if t is None or (t.venv and not os.path.isdir(os.path.join(a.venvs, t.venv))):
            if a.tools:
                print(f"# {n}: not installed, skipped", file=sys.stderr)
            continue
        out.append(t)
    return out


class Space:
    """A tool in its own new work folder (a git repository) with its own store."""

    def __init__(self, a, tool, files=0, dirty=0, untracked=0, train_args="", train_env=None):
        self.tool, self.a = tool, a
        self.root = tempfile.mkdtemp(prefix=f"b-{tool.name}-", dir=a.tmp)
        self.work, self.store, self.home = (os.path.join(self.root, d) for d in ("work", "store", "home"))
        for d in (self.work, self.store, self.home):
            os.mkdir(d)
        self.bin = os.path.join(a.venvs, tool.venv, "bin") if tool.venv else os.path.dirname(sys.executable)
        base = os.path.realpath(sys.executable)
        # API trackers are imported by the training script, so it needs their interpreter
        self.py = os.path.join(self.bin, "python") if tool.api else base
        self.vars = {"bin": self.bin, "py": self.py, "work": self.work, "store": self.store}
        self.env = {
            "PATH": self.bin + ":/usr/local/bin:/usr/bin:/bin",
            "HOME": self.home,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "BENCH_SHIMS": self.work,
            "BENCH_STORE": self.store,
            "BENCH_WORK": self.work,
            "DO_NOT_TRACK": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GIT_AUTHOR_NAME": "bench",
            "GIT_AUTHOR_EMAIL": "bench@example.invalid",
            "GIT_COMMITTER_NAME": "bench",
            "GIT_COMMITTER_EMAIL": "bench@example.invalid",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        if HAS_EXPTRACK:
            self.env["PATH"] = EXPTRACK_BIN + ":" + self.env["PATH"]
        self.env.update({k: self.fill(v) for k, v in tool.env.items()})
        self.env.update(train_env or {})
        self.repo(files)
        self.train(train_args)
        if tool.commit:
            self.git("add", "-A")
            self.git("commit", "-qm", "tool files")
        for c in tool.setup:
            r = subprocess.run(
                self.fill(c),
                shell=True,
                cwd=self.work,
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            if r.returncode:
                raise RuntimeError(f"{tool.name}: setup failed: {c}\n{r.stdout}{r.stderr}")
        if subprocess.run([*GIT, "status", "--porcelain"], cwd=self.work, capture_output=True).stdout:
            self.git("add", "-A")
            self.git("commit", "-qm", "tool setup")
        for i in range(dirty):
            with open(os.path.join(self.work, f"src/d{i}/f{i}.py"), "a") as f:
                f.write("changed = True\n")
        for i in range(untracked):
            with open(os.path.join(self.work, f"new{i}.py"), "w") as f:
                f.write("x = 1\n" * 50)

    def fill(self, s, **more):
        for k, v in {**self.vars, **more}.items():
            s = s.replace("{" + k + "}", v)
        return s

    def git(self, *args):
        subprocess.run([*GIT, *args], cwd=self.work, check=True, capture_output=True)

    def repo(self, files):
        self.git("init", "-q", "-b", "main")
        shutil.copy(os.path.join(HERE, "train.py"), self.work)
        if self.tool.api:
            shutil.copy(os.path.join(HERE, "shims", self.tool.shim + ".py"), self.work)
        with open(os.path.join(self.work, ".gitignore"), "w") as f:
            f.write("__pycache__/\n*.log\noutputs/\nart/\n.smt/\n")
        for i in range(files):
            d = os.path.join(self.work, f"src/d{i % 100}")
            os.makedirs(d, exist_ok=True)
            with open(os.path.join(d, f"f{i}.py"), "w") as f:
                f.write(f"# file {i}\n" + "value = 1  # some source text to make a usual file size\n" * 40)
        self.git("add", "-A")
        self.git("commit", "-qm", "first")

    def train(self, args):
        """Set the training arguments; returns the whole command as a list."""
        t = self.tool
        if t.api:
            args = f"--shim {t.shim} {args}"
        self.args = args
        template = t.wrap or "{py} {train}"
        for name, text in t.files.items():
            with open(os.path.join(self.work, name), "w") as f:
                f.write(text.replace("{cmd}", json.dumps(f"{self.py} train.py {args}")))
        words = shlex.split(args)
        flags = " ".join(shlex.quote(k.lstrip("-") + "=" + v) for k, v in zip(words[::2], words[1::2]))
        self.cmd = shlex.split(self.fill(template, train="train.py " + args, args=args, flags=flags))
        return self.cmd

    def run(self, cmd=None, **kw):
        return timed(cmd or self.cmd, self.work, self.env, **kw)

    def bare(self, args):
        """The same training without the tracker, by the same interpreter."""
        return [self.py, "train.py", *shlex.split(args)]

    def stores(self):
        return [p for p in (self.fill(s) for s in self.tool.stores) if os.path.exists(p)]

    def disk(self, *more):
        """Allocated bytes of the tool's data; a file with several links counts once."""
        seen, total = set(), 0
        for s in [*self.stores(), *more]:
            for root, dirs, files in os.walk(s):
                for f in files + [""]:
                    try:
                        st = os.lstat(os.path.join(root, f))
                    except OSError:
                        continue
                    if (st.st_dev, st.st_ino) not in seen:
                        seen.add((st.st_dev, st.st_ino))
                        total += st.st_blocks * 512
        return total

    def shim(self, *words, timeout=600):
        """Call a function of the tool's shim as a program, in the tool's interpreter."""
        path = os.path.join(HERE, "shims", self.tool.shim + ".py")
        if not self.tool.shim or not os.path.exists(path):
            return {}
        py = os.path.join(self.bin, "python") if self.tool.venv else sys.executable
        r = subprocess.run(
            [py, path, *words], cwd=self.work, env=self.env, capture_output=True, text=True, timeout=timeout
        )
        try:
            return json.loads(r.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            return {"error": (r.stderr.strip().splitlines() or ["no output"])[-1][:200]}

    def count(self):
        return self.shim("count")

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


def timed(cmd, cwd, env, stdout=None, timeout=600, keep=None):
    """Run a whole process; wall by a monotonic clock, CPU and peak memory from wait4."""
    out = stdout if stdout is not None else (open(keep, "wb") if keep else subprocess.DEVNULL)
    t0 = time.monotonic()
    p = subprocess.Popen(
        cmd, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT if keep else out
    )
    killer = None
    if timeout:
        import threading

        killer = threading.Timer(timeout, p.kill)
        killer.start()
    _, status, ru = os.wait4(p.pid, 0)
    wall = time.monotonic() - t0
    if killer:
        killer.cancel()
    p.returncode = os.waitstatus_to_exitcode(status)
    return {"wall": wall, "cpu": ru.ru_utime + ru.ru_stime, "rss_mib": ru.ru_maxrss / 1024, "rc": p.returncode}


def interleaved(commands, n, base=None, warmup=1):
    """commands: {name: function -> timed() result}. A B C A B C ...; ratios are taken round by round."""
    rounds = []
    for i in range(warmup + n):
        r = {k: f() for k, f in commands.items()}
        if i >= warmup:
            rounds.append(r)
    out = {}
    for k in commands:
        w = [r[k]["wall"] for r in rounds]
        out[k] = {
            "median_s": statistics.median(w),
            "min_s": min(w),
            "max_s": max(w),
            "n": n,
            "cpu_s": statistics.median(r[k]["cpu"] for r in rounds),
            "rss_mib": statistics.median(r[k]["rss_mib"] for r in rounds),
            "rc": sorted({r[k]["rc"] for r in rounds}),
        }
        if base and k != base:
            out[k]["ratio"] = statistics.median(r[k]["wall"] / r[base]["wall"] for r in rounds)
            out[k]["minus_base_s"] = statistics.median(r[k]["wall"] - r[base]["wall"] for r in rounds)
    return out


def table(rows, columns):
    """Print a Markdown table and return it."""

    def cell(v):
        if isinstance(v, bool) or v is None:
            return {True: "yes", False: "no", None: "-"}[v]
        if isinstance(v, float):
            return f"{v:.3f}" if abs(v) < 10 else f"{v:.1f}" if abs(v) < 1000 else f"{v:.0f}"
        return str(v)

    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(r.get(c)) for c in columns) + " |" for r in rows]
    print("\n".join(lines), flush=True)


def save(a, rows, **more):
    if not a.json:
        return
    with open("/proc/meminfo") as f:
        mem = round(int(f.readline().split()[1]) / 2**20)
    data = {
        "date": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)),
        "mem_gib": mem,
        "python": platform.python_version(),
        "system": platform.system() + " " + platform.release().split("-")[0],
        "n": a.n,
        "rows": rows,
        **more,
    }
    old = {}
    if os.path.exists(a.json):
        with open(a.json) as f:
            old = json.load(f)
    # a later call with --tools replaces only the rows of those tools
    have = {json.dumps([r.get("tool"), r.get("case")]) for r in rows}
    data["rows"] = [r for r in old.get("rows", []) if json.dumps([r.get("tool"), r.get("case")]) not in have] + rows
    text = json.dumps(data, indent=1).replace(a.tmp, "$TMP").replace(a.venvs, "$VENVS").replace(HERE, "$BENCH")
    with open(a.json, "w") as f:
        f.write(text + "\n")
