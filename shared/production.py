"""`PROFILE=production`: the settings with which a service must not run for citizens, all named at once.

The checks read settings as text, before they are validated. So they also run beside missing and malformed ones.
"""

import base64
import binascii
import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretBytes, SecretStr, ValidationError

from shared.sealing_keys import split_list, without_number

Profile = Literal["development", "production"]
# The profile has no prefix: one variable for all processes of a deployment.
PROFILE_VARIABLE = "PROFILE"

_TLS_MODES = frozenset({"require", "verify-ca", "verify-full"})
# Words of values that stand in examples, tests and templates. Short ones count only between separators, because random
# text contains them.
_PLACEHOLDER = re.compile(
    r"changeme|change[-_ ]me|insecure|placeholder|example|password|default|secret"
    r"|(?<![a-z0-9])(test|dev|demo|todo|xxx+|none|null|foo|bar|admin)(?![a-z0-9])",
    re.IGNORECASE,
)
# 32 random characters have more than 15 different ones. 32 random hexadecimal digits have more than 8.
_DISTINCT_MIN = 8
# The private key of RFC 8032 (test 1) and RFC 8037 (A.1), which many examples quote.
_PUBLISHED_SEEDS = frozenset({bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")})
_KEY_BYTES = 32
_INTERNAL_SUFFIXES = (".internal", ".local", ".svc", ".cluster.local", ".localhost")


@dataclass(frozen=True, slots=True)
class Finding:
    """An unsafe setting: the name of its variable, and the reason in two languages. Never its value."""

    variable: str
    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.zh} · {self.en}"


class UnsafeSettings(SystemExit):
    """Ends the process with the whole list and without a traceback. Also for what only a seed would add."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        lines = "\n".join(f"  {finding}" for finding in findings)
        super().__init__(
            f"PROFILE=production：以下 {len(findings)} 项不安全，不启动 · "
            f"{len(findings)} settings are unsafe, nothing is started:\n{lines}"
        )


class Given:
    """The settings of one service as they were given, with findings collected beside them."""

    def __init__(self, values: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str) -> None:
        self._values, self._defaults, self._prefix = values, defaults, prefix
        self.findings: list[Finding] = []

    def text(self, name: str) -> str:
        """The value, or the default, as text. Empty if there is none."""
        value = self._values.get(name, self._defaults.get(name))
        if isinstance(value, SecretStr | SecretBytes):
            value = value.get_secret_value()
        return "" if value is None else str(value)

    def is_on(self, name: str) -> bool:
        return self.text(name).strip().lower() in {"1", "true", "t", "yes", "y", "on"}

    def variable(self, name: str) -> str:
        return PROFILE_VARIABLE if name.upper() == PROFILE_VARIABLE else (self._prefix + name).upper()

    def refuse(self, name: str, zh: str, en: str) -> None:
        self.findings.append(Finding(self.variable(name), zh, en))

    # --- kinds of settings -------------------------------------------------------------------------------------------

    def require_strong(self, *names: str) -> None:
        """Secrets: neither an example's nor a pattern. A missing required one is reported by its own validation."""
        for name in names:
            if self.text(name) and is_weak_secret(self.text(name)):
                self.refuse(name, "示例值或可以猜到的值", "a value from an example, or one that can be guessed")

    def require_strong_list(self, *names: str) -> None:
        """Like `require_strong`, for secrets with commas between them and numbers before them."""
        for name in names:
            values = [without_number(one) for one in split_list(self.text(name))]
            if any(is_weak_secret(one) for one in values):
                self.refuse(name, "示例值或可以猜到的值", "a value from an example, or one that can be guessed")

    def require_new(self, current: str, former: str) -> None:
        """A rotation to the same secret is none."""
        values = [without_number(one) for one in split_list(self.text(former))]
        if without_number(self.text(current)) in values or len(set(values)) < len(values):
            self.refuse(former, "与现用的或彼此相同", "the same as the current one, or one of them twice")

    def require_signing_key(self, name: str) -> None:
        if self.text(name).strip() and is_known_key(self.text(name)):
            self.refuse(name, "公开文档中的密钥", "a key from published documents")

    def require_different(self, *names: str) -> None:
        """The same secret for two purposes: whoever learns it for one has it for the other."""
        seen: dict[str, str] = {}
        for name in names:
            value = self.text(name)
            if value and value in seen:
                other = self.variable(seen[value])
                self.refuse(name, f"与 {other} 相同", f"the same as {other}")
            seen.setdefault(value, name)

    def require_inside(self, *names: str) -> None:
        """Addresses of other services: https, or http inside the deployment's own network."""
        for name in names:
            parts = urlsplit(self.text(name))
            if parts.scheme == "http" and not is_inside(parts.hostname or ""):
                self.refuse(name, "公网地址没有 TLS", "plain http to a public address")

    def require_https(self, *names: str) -> None:
        for name in names:
            parts = urlsplit(self.text(name))
            if self.text(name) and (parts.scheme != "https" or is_this_machine(parts.hostname or "")):
                self.refuse(name, "须为 https 的公网地址", "must be https, and not this machine")

    def require_database(self, name: str, option: str) -> None:
        """A PostgreSQL address: a password of its own, and TLS unless the server is on this machine."""
        parts = _split(self.text(name))
        if parts is None or not parts.scheme.startswith("postgres"):
            return
        password = unquote(parts.password or "")
        if not password or password == parts.username or is_weak_password(password):
            self.refuse(
                name, "数据库密码为空、是角色名或示例值", "the password is empty, the role's name or an example"
            )
        modes = {value for key in ("ssl", "sslmode") for value in parse_qs(parts.query).get(key, [])}
        if not is_this_machine(parts.hostname or "") and not modes & _TLS_MODES:
            self.refuse(name, f"没有 TLS：加上 ?{option}=verify-full", f"no TLS: add ?{option}=verify-full")

    def require_log(self, name: str) -> None:
        """The event log: TLS beyond this machine."""
        text = self.text(name)
        if text.startswith("kafka:"):
            hosts = text.removeprefix("kafka://").partition("/")[0].partition("?")[0].rpartition("@")[2].split(",")
            if not all(is_this_machine(host.rpartition(":")[0] or host) for host in hosts):
                self.refuse(name, "没有 TLS：使用 kafkas://", "no TLS: use kafkas://")
        self.require_database(name, "sslmode")


def refuse_unsafe(given: Given, check: Callable[[Given], None], build: Callable[[], Any]) -> Any:
    """Build the settings in production. Raises UnsafeSettings with all unsafe, missing and malformed ones."""
    check(given)
    built: Any = None
    try:
        built = build()
    except ValidationError as exc:
        for problem in exc.errors(include_url=False, include_input=False, include_context=False):
            name = str(problem["loc"][0]) if problem["loc"] else PROFILE_VARIABLE
            if problem["type"] == "missing":
                given.refuse(name, "缺失", "missing")
            else:
                given.refuse(name, "格式有误", f"malformed: {problem['msg']}")
    if given.findings:
        raise UnsafeSettings(sorted(given.findings, key=lambda finding: finding.variable))
    return built


# --- what is weak -----------------------------------------------------------------------------------------------------


def is_weak_secret(text: str) -> bool:
    """Whether a secret is an example's, repeats itself or is a row of counted bytes."""
    return bool(_PLACEHOLDER.search(text)) or len(set(text)) < _DISTINCT_MIN or _is_counted(_decoded(text))


def is_weak_password(text: str) -> bool:
    return bool(_PLACEHOLDER.search(text)) or text.lower() in {"postgres", "carbon", "admin", "root"} or len(text) < 12


def is_known_key(pem: str) -> bool:
    """Whether a private key is published, or made of a pattern instead of random bytes. False if it is malformed."""
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    if not isinstance(key, Ed25519PrivateKey):
        return False
    seed = key.private_bytes_raw()
    return seed in _PUBLISHED_SEEDS or _is_counted(seed)


def _decoded(text: str) -> bytes:
    try:
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            return bytes.fromhex(text)
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _is_counted(raw: bytes) -> bool:
    """One byte repeated, or bytes that count up or down."""
    return len(raw) >= _KEY_BYTES and len({(b - a) % 256 for a, b in itertools.pairwise(raw)}) == 1


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for a malformed one
    except ValueError:
        return None
    return parts


def is_this_machine(host: str) -> bool:
    """Whether a host name or address is this machine's own. An empty one is a Unix socket."""
    host = host.strip("[]").lower()
    if host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_inside(host: str) -> bool:
    """Whether a host lies in the deployment's own network: a private address or a name without a public domain."""
    if is_this_machine(host) or "." not in host.strip("[]") or host.lower().endswith(_INTERNAL_SUFFIXES):
        return ":" not in host or is_this_machine(host) or ipaddress.ip_address(host.strip("[]")).is_private
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def is_reserved_domain(host: str) -> bool:
    """Whether a host is of a domain that nobody can own (RFC 2606), or this machine."""
    return is_this_machine(host) or host.lower().rpartition(".")[2] in {"example", "test", "invalid", "localhost"}
