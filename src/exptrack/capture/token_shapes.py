"""The maintained list: what tokens look like, as their issuers document it. Bytes patterns, matched by masks.py in logs
and, with a second opinion, by code_secrets.py in kept code.

Compared with the default rules of gitleaks and the plugins of detect-secrets. Shapes that say nothing by themselves (32
hexadecimal digits of Datadog, 40 of Weights & Biases, 24 letters of Etsy) are not here: those need a name beside them.
Changing a pattern: count up RULES, or the next snapshot takes over what the old ones found.
"""

from __future__ import annotations

RULES = 1

# Of cloud and code hosts, registries, and what trainings talk to. Every one has 20 characters of [A-Za-z0-9_-] in a row
# or a literal of OTHERS.
TOKEN = (
    # AWS (also Bedrock), Google, Alibaba, DigitalOcean
    rb"A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{16}(?![0-9A-Za-z])|ABSK[0-9A-Za-z+/]{100,}|AIza[0-9A-Za-z_-]{30,}|GOCSPX-[0-9A-Za-z_-]{20,}"
    rb"|LTAI[0-9A-Za-z]{20}(?![0-9A-Za-z])|do[opr]_v1_[0-9a-f]{64}"
    # GitHub, GitLab, Bitbucket and Jira, Docker, npm, PyPI, RubyGems, Artifactory
    rb"|gh[oprsu]_[0-9A-Za-z_]{20,}|github_pat_[0-9A-Za-z_]{20,}"
    rb"|gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|oas|ffct)-[0-9A-Za-z_.-]{16,}"
    rb"|AT(?:ATT3|BB)[0-9A-Za-z_=-]{24,}|dckr_(?:pat|oat)_[0-9A-Za-z_-]{20,}|npm_[0-9A-Za-z]{30,}|pypi-[0-9A-Za-z_-]{40,}"
    rb"|rubygems_[0-9a-f]{48}|AKCp[0-9A-Za-z]{60,}"
    # Hugging Face, OpenAI, Anthropic, Groq, xAI, Perplexity, Replicate, NVIDIA, W&B, LangSmith, Tavily, Kaggle, Prefect
    rb"|hf_[0-9A-Za-z]{18,}|api_org_[0-9A-Za-z]{18,}|gsk_[0-9A-Za-z]{18,}"
    rb"|sk-(?:[0-9A-Za-z]{20,}|[a-z]{2,12}[0-9]{0,2}-[0-9A-Za-z_-]{20,})|xai-[0-9A-Za-z]{40,}|pplx-[0-9A-Za-z]{40,}"
    rb"|r8_[0-9A-Za-z]{30,}|nvapi-[0-9A-Za-z_-]{30,}|wandb_v[0-9]_[0-9A-Za-z_]{20,}"
    rb"|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{8,}"
    rb"|tvly-[0-9A-Za-z-]{28,}|KGAT_[0-9a-f]{32}|pnu_[0-9A-Za-z]{36}|dapi[0-9a-f]{32}"
    # Stripe, Slack, Shopify, Vault, Grafana, Pulumi, Postman, PlanetScale, Sentry, Linear, Notion, Figma, Heroku
    rb"|[rs]k_live_[0-9A-Za-z]{12,}|sk_test_[0-9A-Za-z]{12,}|xox[abeoprs]-[0-9A-Za-z-]{10,}|shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"
    rb"|hvs\.[0-9A-Za-z_-]{20,}|ya29\.[0-9A-Za-z_-]{20,}|gls?[ac]_[0-9A-Za-z+/_]{32,}|pul-[0-9a-f]{40}"
    rb"|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|pscale_(?:tkn|oauth|pw)_[0-9A-Za-z_=.-]{32,}|sntry[su]_[0-9A-Za-z+/=_]{40,}"
    rb"|lin_api_[0-9A-Za-z]{40}|ntn_[0-9A-Za-z]{40,}|figd_[0-9A-Za-z_-]{40,}|HRKU-AA[0-9A-Za-z_-]{50,}|NRAK-[0-9A-Z]{27}"
    # age, 1Password, OpenShift
    rb"|AGE-SECRET-KEY-1[0-9A-Z]{58}|ops_eyJ[0-9A-Za-z+/=]{200,}|sha256~[0-9A-Za-z_-]{43}"
)  # fmt: skip

# One of these is in whatever TOKEN matches (a test holds it). A short run looks for these only (masks.py).
_LITERALS = (
    b"AKIA ASIA ABIA ACCA ABSK AIza GOCSPX- LTAI _v1_ gho_ ghp_ ghr_ ghs_ ghu_ github_pat_ glpat- gldt- glrt- "
    b"glcbt- glptt- glft- glsoat- glagent- glimt- gloas- glffct- ATATT3 ATBB dckr_ npm_ pypi- rubygems_ AKCp hf_ "
    b"api_org_ gsk_ sk- xai- pplx- r8_ nvapi- wandb_v lsv2_ tvly- KGAT_ pnu_ dapi k_live_ sk_test_ xox shpat_ "
    b"shpca_ shppa_ shpss_ hvs. ya29. glsa_ glsc_ gla_ glc_ pul- PMAK- pscale_ sntrys_ sntryu_ lin_api_ ntn_ figd_ "
    b"HRKU-AA NRAK- AGE-SECRET-KEY-1 ops_eyJ sha256~ "
)
IN_TOKENS = tuple(_LITERALS.split())

# (literal to look for first, pattern whose group 1 is the secret). JSON Web Tokens: RFC 7519; PEM: RFC 7468.
OTHERS = (
    (b"eyJ", rb"(eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]+)+)"),
    (b"earer ", rb"earer ((?=[^\s]{0,64}[0-9])[0-9A-Za-z._~+/=-]{12,})"),
    (b"sig=", rb"sig=([0-9A-Za-z%+/=_-]{20,})"),
    (
        b"-----BEGIN ",
        rb"(-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
        rb"(?:[\s\S]{0,16384}?-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----|(?:\s+[0-9A-Za-z+/=]{40,})*))",
    ),
    (b"://", rb"://([^\s/@:'\"<>]{0,256}:[^\s/'\"<>]{1,256})@"),
    (b"://hooks.", rb"://hooks\.slack\.com/([a-z]+/[0-9A-Za-z_/-]{20,})"),
    (b"/api/webhooks/", rb"discord(?:app)?\.com/api/webhooks/([0-9]{15,}/[0-9A-Za-z_-]{50,})"),
    (b"SG.", rb"(?<![0-9A-Za-z])(SG\.[0-9A-Za-z_-]{20,24}\.[0-9A-Za-z_-]{39,50})"),
    (b"dp.", rb"(?<![0-9A-Za-z.])(dp\.(?:pt|st|ct|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[0-9A-Za-z]{40,44})"),
    (b".atlasv1.", rb"([0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{60,70})"),
    (b"Q~", rb"(?<![0-9A-Za-z_~.-])([0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.-]{31,34})(?![0-9A-Za-z_~.-])"),
    (b"AccountKey=", rb"AccountKey=([0-9A-Za-z+/]{86}==)"),
    (b":AA", rb"(?<![0-9])([0-9]{8,10}:AA[0-9A-Za-z_-]{32,34})(?![0-9A-Za-z_-])"),
    (b"machine ", rb"machine\s+\S+\s+(?:login\s+\S+\s+)?password[ \t]+(\S+)"),
)
