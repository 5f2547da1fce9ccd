"""What may enter the store: command lines, parameters, variables, remotes and files without their secrets.

The rule: variables by allow-list, values under secret names and token-shaped strings become `[redacted]`, key files
are not read. Where a name leaves doubt, a command line loses the value rather than keeps a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from exptrack.capture.masks import MARK, LogMasker, is_harmless, mask_bytes, mask_shapes
from exptrack.capture.secret_names import ROOTS, is_secret_name, secrecy
from exptrack.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from exptrack.model import Scalar

__all__ = [
    "REDACTED",
    "LogMasker",
    "allowed_variables",
    "clean_url",
    "is_secret_file",
    "is_secret_name",
    "mask_bytes",
    "mask_shapes",
    "mask_text",
    "redact_argv",
    "redact_mapping",
]

REDACTED = MARK.decode()

_VARIABLE_GLOBS = (
    "CUDA_* NCCL_* OMP_* MKL_* OPENBLAS_NUM_THREADS NUMEXPR_* KMP_* GOMP_* BLIS_* VECLIB_* MALLOC_* "
    "PYTHON* VIRTUAL_ENV CONDA_DEFAULT_ENV CONDA_PREFIX PYENV_VERSION UV_PROJECT_ENVIRONMENT "
    "TORCH_* PYTORCH_* TORCHELASTIC_* TORCHINDUCTOR_* ACCELERATE_* DEEPSPEED_* DS_* FSDP_* PL_* "
    "HF_HOME HF_HUB_CACHE HF_HUB_OFFLINE HF_DATASETS_* TRANSFORMERS_* DIFFUSERS_* "
    "TF_* XLA_* JAX_* KERAS_* LIGHTGBM_* XGB* TRITON_* HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES ROCM_VERSION HSA_* "
    "NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES NVIDIA_TF32_OVERRIDE CUBLAS_* CUDNN_* NVTE_* GLOO_* UCX_* FI_* "
    "WORLD_SIZE RANK LOCAL_RANK LOCAL_WORLD_SIZE NODE_RANK GROUP_RANK NNODES MASTER_ADDR MASTER_PORT "
    "SLURM_* LSB_* PBS_* SGE_* FLUX_JOB_* OMPI_COMM_WORLD_* PMI_RANK PMI_SIZE RAY_JOB_ID "
    "SM_* TRAINING_JOB_NAME AIP_* CLOUD_ML_* AZUREML_RUN_ID AZUREML_EXPERIMENT_* "
    "LD_LIBRARY_PATH LD_PRELOAD LANG LC_ALL TZ"
)
_LISTED = frozenset(_VARIABLE_GLOBS.split())
_PREFIXES = tuple(g[:-1] for g in _LISTED if g.endswith("*"))
# What the contract rules out whatever the words around it say.
_NEVER = ("TOKEN", "KEY", "SECRET", "PASS", "JWT")  # SLURM_JWT is the password of its REST API
_NOT_TENSORFLOW = ("TF_VAR_", "TF_CLI_")  # Terraform's

_KEY_SUFFIXES = (".pem", ".key", ".p12", ".pfx", ".pkcs12", ".keystore", ".jks", ".ppk", ".kdbx", ".env", ".gpg")
_KEY_FILE_NAMES = (
    ".env .envrc .netrc _netrc .pgpass .my.cnf .npmrc .pypirc .htpasswd .git-credentials .dockercfg .dockerconfigjson "
    ".vault-token .boto .s3cfg .terraformrc .yarnrc.yml kaggle.json credentials.json credentials.yaml credentials.yml "
    "application_default_credentials.json client_secret.json secrets.json secrets.yaml secrets.yml secrets.toml "
    "rclone.conf kubeconfig"
)
_KEY_FILES = frozenset(_KEY_FILE_NAMES.split())
_KEY_PATHS = (
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    ".cargo/credentials",
    ".config/gh/hosts.yml",
    "huggingface/token",
    "huggingface/stored_tokens",
    ".databrickscfg",
    ".config/wandb/settings",
)
_EXAMPLES = ("example", "sample", "template", "dist", "defaults")
# A name with one of these is no name but a URL, a JSON text or a shell command.
_NOT_IN_NAMES = frozenset(" \t\n'\"{}()?&;$,")
_SHORTEST_TOKEN = 15


def redact_argv(argv: Sequence[str], allowed: Collection[str] = ()) -> tuple[str, ...]:
    """The command line with every secret value as `[redacted]`: `--api-key X`, `--api-key=X`, `api_key=X`, token-shaped
    strings, URL credentials, and all of these inside a `bash -c` text. `allowed`: exact names that may keep theirs."""
    out: list[str] = []
    awaited = before = ""
    for arg in argv:
        is_script, before = before.startswith("-") and before.endswith("c"), arg  # bash -c, sh -lc
        if awaited and not arg.startswith("--"):
            out.append(_redact_value(awaited, arg))
            awaited = ""
            continue
        name, equals, value = arg.partition("=")
        flag = name.lstrip("-+~").replace("-", "_")
        is_named = not is_script and _NOT_IN_NAMES.isdisjoint(flag) and is_secret_name(flag, allowed)
        is_open = is_named and not equals and arg.startswith("-") and not flag.startswith(("no_", "disable_"))
        awaited = flag if is_open else ""
        out.append(name + equals + _redact_value(flag, value) if equals and is_named else mask_text(arg, allowed))
    return tuple(out)


def redact_mapping(params: Mapping[str, Scalar], allowed: Collection[str] = ()) -> dict[str, Scalar]:
    """Parameters whose values may be kept: secret names lose theirs, text loses token-shaped parts."""
    return {name: redact_scalar(name, value, allowed) for name, value in params.items()}


def redact_scalar(name: str, value: Scalar, allowed: Collection[str] = ()) -> Scalar:
    """One parameter's value as it may be kept."""
    if value is None or isinstance(value, bool):
        return value
    if is_secret_name(name, allowed):
        kept = _redact_value(name, str(value))
        return value if kept == str(value) else kept
    return mask_text(value, allowed) if isinstance(value, str) else value


def mask_text(text: str, allowed: Collection[str] = ()) -> str:
    """`text` with token-shaped parts and `secret_name=value` as `[redacted]`, judged as strictly as a command line."""
    lower = text.lower()
    if len(text) < _SHORTEST_TOKEN and "://" not in text and not any(root in lower for root in ROOTS):
        return text
    masked, count = mask_bytes(text.encode("utf-8", "surrogateescape"), strict=True, allowed=allowed)
    return masked.decode("utf-8", "surrogateescape") if count else text


def clean_url(remote: str) -> str:
    """A git remote without credentials: `https://user:pass@host/x` -> `https://host/x`; `git@host:x` stays."""
    scheme, separator, rest = remote.partition("://")
    if not separator:
        return mask_text(remote)
    host, slash, path = rest.partition("/")
    user, at, place = host.rpartition("@")
    if at:
        # The login name of ssh is part of the address, and no secret; over http a lone user may be a token.
        keeps_user = scheme in ("ssh", "git+ssh", "ssh+git") and user.partition(":")[0]
        host = f"{keeps_user}@{place}" if keeps_user else place
    return scheme + separator + host + slash + mask_text(path)


def allowed_variables(env: Mapping[str, str], extra: Sequence[str] = ()) -> dict[str, str]:
    """The variables that say how a training ran; never one whose name promises a secret. `extra`: more names or globs;
    an exact name there passes although it holds TOKEN or KEY (TOKENIZERS_PARALLELISM), if its words are innocent."""
    from fnmatch import fnmatchcase

    exact = frozenset(extra)
    out = {}
    for name in sorted(env):
        is_listed = name in _LISTED or name.startswith(_PREFIXES)
        is_listed = (is_listed and not name.startswith(_NOT_TENSORFLOW)) or any(
            fnmatchcase(name, glob) for glob in extra
        )
        if not is_listed or is_secret_name(name):
            continue
        if name in exact or not any(word in name.upper() for word in _NEVER):
            out[name] = mask_text(env[name])
    return out


def is_secret_file(path: str) -> bool:
    """Is this a file that holds keys or passwords by its name (.env, *.pem, id_rsa, .netrc, credentials.json ...)?
    Examples and public keys are not. Asked for every file of a snapshot: string tests only."""
    lower = path.lower()
    base = lower.rpartition("/")[2]
    if base in _KEY_FILES or lower.endswith(_KEY_PATHS):
        return True
    if base.endswith(_KEY_SUFFIXES):
        return not base.startswith(_EXAMPLES)
    if base.startswith(".env"):
        return base.startswith((".env.", ".env-", ".env_")) and not base.endswith(_EXAMPLES)
    if base.startswith("id_"):
        return base.startswith(("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")) and not base.endswith(".pub")
    if base.endswith(".json"):
        flat = base.replace("_", "-")
        return "service-account" in flat or "serviceaccount" in flat or flat.startswith("client-secret")
    return False


def _redact_value(name: str, value: str) -> str:
    return value if is_harmless(value.encode("utf-8", "surrogateescape"), secrecy(name)) else REDACTED
