"""One entry per tracker. To add one, add one Tool(...) line at the end.

Placeholders in commands: {bin} the tool's venv bin folder, {py} the interpreter that trains,
{train} the training script and its arguments, {args} the arguments alone, {flags} the same as
name=value, {work} the repository the run happens in, {store} a folder for the tool's own data.
In `files`, {cmd} is the whole training command as a quoted string.
"""

import os
import sys
from dataclasses import dataclass, field


@dataclass
class Tool:
    name: str
    venv: str = ""  # folder under --venvs ("" = the interpreter of the harness)
    wrap: str = ""  # command template that wraps the training command ("" = API tracker)
    shim: str = ""  # shims/NAME.py: start/log/artifact/finish for API trackers, count() for all
    api: bool = False  # the training script logs through the shim
    setup: list = field(default_factory=list)  # shell commands, once per new work folder
    commit: bool = False  # setup writes files that belong in git: commit them
    env: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)  # files written into the work folder before setup
    stores: list = field(default_factory=lambda: ["{store}"])  # where the tool's data lies
    saves: str = ""  # how the tool saves files a wrapped training writes to ./outputs ("" = it does not)
    cli: dict = field(default_factory=dict)  # "help", "version", "complete": commands to time
    best: str = ""  # command that lists the 20 best by m0 where p0 = 3 ("" = the shim's best())
    diff: str = ""  # command that compares two runs ("" = the shim's diff())
    best_note: str = ""
    reads: dict = field(default_factory=dict)  # further reading commands that 05 times: name -> command
    note: str = ""


GUILD_YML = """\
train:
  main: train
  flags-import: all
  output-scalars:
    - step: 'step (\\step)'
    - loss: 'loss=(\\value)'
    - acc: 'acc=(\\value)'
"""
MLPROJECT = "name: bench\nentry_points:\n  main:\n    command: {cmd}\n"
DVC_YAML = "stages:\n  train:\n    cmd: {cmd}\n    deps: [train.py]\n    always_changed: true\n"
DVC_OUTS = DVC_YAML + "    outs: [outputs]\n"

TRACKIO_BEST = (
    "select c.run_name, json_extract(m.metrics, '$.m0') v from configs c join metrics m on m.run_id = c.run_id"
    " where json_extract(c.config, '$.p0') = 3 order by v desc limit 20"
)
MLFLOW = {
    "MLFLOW_TRACKING_URI": "sqlite:///{store}/mlflow.db",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_EXPERIMENT_NAME": "bench",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
}
MLFLOW_SETUP = [
    "{bin}/python -c \"import mlflow; mlflow.create_experiment('bench', artifact_location='file://{store}/artifacts')\""
]
DVC = {"DVC_NO_ANALYTICS": "1", "DVC_STUDIO_OFFLINE": "true", "DVCLIVE_LOGLEVEL": "ERROR"}

# The product is found beside the interpreter that runs the harness; $EXPTRACK_BIN names another folder.
EXPTRACK_BIN = os.environ.get("EXPTRACK_BIN") or os.path.dirname(sys.executable)
X = os.path.join(EXPTRACK_BIN, "exptrack")
HAS_EXPTRACK = os.path.exists(X)

TOOLS = [
    # floors
    Tool("bare", wrap="{py} {train}", stores=[]),
    Tool("script", wrap="script -qfec '{py} {train}' {store}/typescript"),
    Tool("tee", wrap="bash -o pipefail -c '{py} {train} 2>&1 | tee {store}/log'"),
    Tool("sqlite-floor", "", "", "sqlite_floor", True),
    Tool("jsonl-floor", "", "", "jsonl_floor", True),
    # wrappers
    Tool(
        "guild",
        "guildai",
        "{bin}/guild run train --yes {flags}",
        shim="guild_runs",
        saves="cwd is the run's folder",
        env={"GUILD_HOME": "{store}"},
        files={"guild.yml": GUILD_YML},
        commit=True,
        best="{bin}/guild compare --csv - --filter 'flag:p0 = 3' --max m0 --top 20",
        diff="{bin}/guild compare --csv - " + "0" * 32 + " " + "0" * 31 + "1",
        cli={
            "help": "{bin}/guild --help",
            "version": "{bin}/guild --version",
            "complete": "env _GUILD_COMPLETE=complete COMP_WORDS='guild ru' COMP_CWORD=1 {bin}/guild",
        },
    ),
    Tool(
        "dvc-exp",
        "dvc",
        "{bin}/dvc exp run --force",
        shim="dvclive_exp",
        env=DVC,
        setup=["{bin}/dvc init -q", "git add -A", "git commit -qm dvc"],
        files={"dvc.yaml": DVC_YAML},
        commit=True,
        stores=["{work}/.git", "{work}/.dvc", "{work}/dvc.lock"],
        cli={"help": "{bin}/dvc --help", "version": "{bin}/dvc --version"},
        note="the training command is the one in dvc.yaml; it takes no arguments from the command line",
    ),
    Tool(
        "dvc-exp-temp",
        "dvc",
        "{bin}/dvc exp run --force --temp",
        shim="dvclive_exp",
        env=DVC,
        setup=["{bin}/dvc init -q", "git add -A", "git commit -qm dvc"],
        files={"dvc.yaml": DVC_YAML},
        commit=True,
        stores=["{work}/.git", "{work}/.dvc"],
    ),
    Tool(
        "dvc-exp-outs",
        "dvc",
        "{bin}/dvc exp run --force",
        shim="dvclive_exp",
        env=DVC,
        saves="outs: [outputs] in dvc.yaml",
        setup=["{bin}/dvc init -q", "git add -A", "git commit -qm dvc"],
        files={"dvc.yaml": DVC_OUTS},
        commit=True,
        stores=["{work}/.git", "{work}/.dvc"],
    ),
    Tool(
        "mlflow-run",
        "mlflow",
        "{bin}/mlflow run . --env-manager local --experiment-name bench",
        shim="mlflow_sqlite",
        env=MLFLOW,
        setup=MLFLOW_SETUP,
        files={"MLproject": MLPROJECT},
        commit=True,
        cli={
            "help": "{bin}/mlflow --help",
            "version": "{bin}/mlflow --version",
            "complete": "env _MLFLOW_COMPLETE=bash_complete COMP_WORDS='mlflow ru' COMP_CWORD=1 {bin}/mlflow",
        },
    ),
    Tool(
        "exptrack-pypi",
        "exptrack-pypi",
        "{bin}/exptrack run {train}",
        shim="exptrack_pypi",
        setup=["{bin}/exptrack init bench"],
        stores=["{work}/.exptrack", "{work}/outputs"],
        cli={"help": "{bin}/exptrack --help", "version": "{bin}/exptrack --version"},
        best="{bin}/exptrack ls --param p0=3 -n 20",
        best_note="filters by param; cannot sort by a metric at the same time",
        diff="{bin}/exptrack compare 000000000000 000000000001",
        note="runs the script inside its own interpreter",
    ),
    Tool(
        "sumatra",
        "sumatra",
        "{bin}/smt run -e {py} -m train.py {args}",
        shim="sumatra_db",
        setup=[
            "{bin}/smt init -e {py} -m train.py -c store-diff -d {store} bench",
            "{bin}/smt configure --plain --ignore-parameters",
        ],
        stores=["{work}/.smt", "{store}"],
        cli={"help": "{bin}/smt --help", "version": "{bin}/smt version"},
    ),
    # API trackers: the same training script, logging through the shim
    Tool(
        "wandb",
        "wandb",
        "",
        "wandb_offline",
        True,
        env={"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"},
        cli={
            "help": "{bin}/wandb --help",
            "version": "{bin}/wandb --version",
            "complete": "env _WANDB_COMPLETE=bash_complete COMP_WORDS='wandb sy' COMP_CWORD=1 {bin}/wandb",
        },
    ),
    Tool(
        "trackio",
        "trackio",
        "",
        "trackio_local",
        True,
        env={"TRACKIO_DIR": "{store}", "HF_HUB_OFFLINE": "1"},
        cli={"help": "{bin}/trackio --help", "version": "{bin}/trackio --version"},
        best='{bin}/trackio query project --project bench --json --sql "' + TRACKIO_BEST + '"',
        best_note="its raw SQL command",
        diff='{bin}/trackio query project --project bench --json --sql "select c.config, m.metrics from configs c join metrics m'
        " on m.run_id = c.run_id where c.run_name in ('r0', 'r1')\"",
    ),
    Tool("mlflow-api", "mlflow", "", "mlflow_sqlite", True, env=MLFLOW, setup=MLFLOW_SETUP),
    Tool(
        "aim",
        "aim",
        "",
        "aim_local",
        True,
        env={"AIM_UI_TELEMETRY_ENABLED": "0"},
        setup=["{bin}/aim init --repo {store} -y"],
        cli={
            "help": "{bin}/aim --help",
            "version": "{bin}/aim version",
            "complete": "env _AIM_COMPLETE=bash_complete COMP_WORDS='aim ru' COMP_CWORD=1 {bin}/aim",
        },
    ),
    Tool(
        "exptrack-pypi-api",
        "exptrack-pypi",
        "",
        "exptrack_pypi",
        True,
        setup=["{bin}/exptrack init bench"],
        stores=["{work}/.exptrack", "{work}/outputs"],
    ),
    Tool(
        "dvclive",
        "dvc",
        "",
        "dvclive_exp",
        True,
        env=DVC,
        setup=["{bin}/dvc init -q", "git add -A", "git commit -qm dvc"],
        stores=["{work}/.git", "{work}/.dvc", "{work}/dvclive"],
        best="{bin}/dvc exp show --csv --sort-by m0 --sort-order desc",
        best_note="no filter and no limit: all runs are printed",
        diff="{bin}/dvc exp diff r0 r1",
    ),
    Tool("sacred", "sacred", "", "sacred_files", True),
    # the product
    Tool(
        "exptrack",
        "",
        X + " run -- {py} {train}",
        "exptrack_store",
        stores=["{work}/.exptrack", "{store}"],
        cli={
            "help": X + " --help",
            "run_help": X + " run --help",
            "version": X + " --version",
            "complete": X + " __complete 1 exptrack sh",
        },
        best=X + " ls params.p0=3 --sort -metrics.m0 -n 20",
        diff=X + " diff r0 r1",
        reads={"show": X + " show r0", "ls": X + " ls -n 20", "complete": X + " __complete 2 exptrack show r12"},
    ),
    Tool(
        "exptrack-outs",
        "",
        X + " run -o outputs -- {py} {train}",
        "exptrack_store",
        saves="-o outputs",
        stores=["{work}/.exptrack", "{store}"],
    ),
    Tool("exptrack-api", "", X + " run -- {py} {train}", "exptrack_api", True, stores=["{work}/.exptrack", "{store}"]),
]
BY_NAME = {t.name: t for t in TOOLS if HAS_EXPTRACK or not t.shim.startswith(("exptrack_store", "exptrack_api"))}
