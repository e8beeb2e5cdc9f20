"""What the environment says (names: the contract's `Environment` list).

Read once at start; everything else receives a `Settings`. Secrets come from the environment; only the embedded
default generates its own, into `WAJAH_HOME/secrets.json` (0600).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parent.parent
_WHATSAPP = ("PHONE_NUMBER_ID", "ACCESS_TOKEN", "APP_SECRET", "VERIFY_TOKEN")
_S3 = ("ENDPOINT", "BUCKET", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
WHATSAPP_API_URL = "https://graph.facebook.com/v23.0"


class SettingsError(Exception):
    """The environment is unusable; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class WhatsApp:
    """One app at Meta and its numbers. Secrets never show in a representation of it."""

    numbers: tuple[tuple[str, str | None], ...]  # (phone number id, slug of its office; None: the first office)
    access_token: str = field(repr=False)
    app_secrets: tuple[str, ...] = field(repr=False)  # two while one replaces the other
    verify_token: str = field(repr=False)
    api_url: str  # with its version
    account_id: str | None = None  # WhatsApp business account: whose templates `whatsapp check` looks at
    per_second: float = 80.0  # messages of one number, in and out

    @property
    def offices(self) -> dict[str, str | None]:
        """The office's slug by phone number id."""
        return dict(self.numbers)


@dataclass(frozen=True)
class S3:
    """A bucket for citizens' files. The secret never shows in a representation of it."""

    bucket: str
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Everything that differs between installations. Times in seconds, sizes in bytes, rates in calls."""

    home: Path
    port: int
    base_url: str
    database_url: str | None          # None: the embedded PostgreSQL under `home`
    owner_database_url: str | None    # for migrations; None: the same as `database_url`
    rasa_url: str
    secret_key: bytes
    data_keys: tuple[tuple[str, bytes], ...]  # (key id, 32 bytes); the first one wraps new keys
    bot_timeout: float
    trusted_proxies: int
    cors_origins: tuple[str, ...]
    catalogue: Path
    catalogue_overlay: Path | None    # the agency's own facts, over ours (docs/catalogue.md)
    connectors: Path | None           # how to look up applications at agencies (docs/connectors.md)
    demo: bool
    clock_file: Path | None
    rate_conversation: tuple[int, float]  # (burst, refill per second)
    rate_address: tuple[int, float]
    turn_concurrency: int
    own_rasa: bool = True                 # False: RASA_URL names a Rasa that somebody else runs
    rasa_port: int | None = None          # None: a free one
    actions_port: int | None = None
    smtp_url: str | None = field(default=None, repr=False)  # None: news stays in the console and the conversation
    smtp_from: str = "wajah@localhost"
    bounces_url: str | None = field(default=None, repr=False)  # None: what comes back as mail is not read
    bounces_address: str = ""             # where it comes back to, with `+<id>` for each mail; "": to `smtp_from`
    whatsapp: WhatsApp | None = None      # None: the channel is off
    files_s3: S3 | None = None            # None: files lie in `uploads`

    @classmethod
    def from_env(cls, env: dict[str, str] | None = None, *, make_secrets: bool = False) -> Settings:
        """The settings that `env` (default: the process's) describes.

        `make_secrets`: absent secrets are generated into `WAJAH_HOME` even for a named database. Only `run` may, as
        the one process that speaks for the whole installation; two of several must not invent two keys.
        Raises `SettingsError` when a value is malformed or a production secret is missing.
        """
        env = dict(os.environ if env is None else env)
        home = Path(env.get("WAJAH_HOME") or REPOSITORY / ".wajah").expanduser().absolute()
        port = _port(env, "WAJAH_PORT", 8080)
        stored = _stored_secrets(home, generate=make_secrets or not env.get("DATABASE_URL"))
        secret = env.get("WAJAH_SECRET_KEY") or stored.get("WAJAH_SECRET_KEY")
        keys = env.get("WAJAH_DATA_KEYS") or stored.get("WAJAH_DATA_KEYS")
        if not secret or not keys:
            raise SettingsError(
                "WAJAH_SECRET_KEY and WAJAH_DATA_KEYS are required with DATABASE_URL; "
                "`python -m handoff keys` prints a fresh pair."
            )
        demo = env.get("WAJAH_DEMO") == "1"
        base_url = (env.get("WAJAH_BASE_URL") or f"http://localhost:{port}").rstrip("/")
        clock = env.get("WAJAH_CLOCK_FILE") if demo else None
        return cls(
            home=home,
            port=port,
            base_url=base_url,
            database_url=env.get("DATABASE_URL") or None,
            owner_database_url=env.get("WAJAH_OWNER_DATABASE_URL") or None,
            rasa_url=(env.get("RASA_URL") or "http://127.0.0.1:5005").rstrip("/"),
            secret_key=secret.encode(),
            data_keys=_data_keys(keys),
            bot_timeout=_number(env, "WAJAH_BOT_TIMEOUT", 60.0, float),
            trusted_proxies=_number(env, "WAJAH_TRUSTED_PROXIES", 0, int),
            cors_origins=tuple(o.strip() for o in env.get("WAJAH_CORS_ORIGINS", "*").split(",") if o.strip()),
            catalogue=REPOSITORY / "data" / "catalogue",
            catalogue_overlay=Path(env["WAJAH_CATALOGUE"]) if env.get("WAJAH_CATALOGUE") else None,
            connectors=Path(env["WAJAH_CONNECTORS"]) if env.get("WAJAH_CONNECTORS") else None,
            demo=demo,
            clock_file=Path(clock) if clock else None,
            rate_conversation=_rate(env, "WAJAH_RATE_CONVERSATION", (60, 2.0)),
            rate_address=_rate(env, "WAJAH_RATE_ADDRESS", (3000, 50.0)),
            turn_concurrency=_number(env, "WAJAH_TURN_CONCURRENCY", 8, int),
            own_rasa=not env.get("RASA_URL"),
            rasa_port=_port(env, "WAJAH_RASA_PORT", 0) or None,
            actions_port=_port(env, "WAJAH_ACTIONS_PORT", 0) or None,
            smtp_url=_smtp_url(env.get("SMTP_URL") or None),
            smtp_from=env.get("SMTP_FROM") or f"wajah@{urlsplit(base_url).hostname or 'localhost'}",
            bounces_url=_bounces_url(env.get("BOUNCES_URL") or None),
            bounces_address=_address(env, "BOUNCES_ADDRESS"),
            whatsapp=_whatsapp(env),
            files_s3=_files_s3(env),
        )

    def derived_key(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, so that no two uses share the secret itself."""
        return hmac.new(self.secret_key, purpose.encode(), hashlib.sha256).digest()

    @property
    def internal_token(self) -> str:
        """The service token between gateway, action server and Rasa's gateway channel."""
        return self.derived_key("internal-token").hex()

    @property
    def uploads(self) -> Path:
        """Where citizens' files are kept, encrypted, without `files_s3`; and those that are still on their way."""
        return self.home / "uploads"


def new_secrets() -> dict[str, str]:
    """A fresh pair of secrets, as the environment wants them."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {"WAJAH_SECRET_KEY": secrets.token_hex(32), "WAJAH_DATA_KEYS": f"k{secrets.token_hex(3)}:{key}"}


def _stored_secrets(home: Path, generate: bool) -> dict[str, str]:
    path = home / "secrets.json"
    try:
        if generate and not path.exists():
            _write_secrets(path)
        return dict(json.loads(path.read_text())) if path.exists() else {}
    except ValueError:
        raise SettingsError(f"{path} is damaged; restore it, without it the data cannot be read.") from None
    except OSError as error:
        raise SettingsError(f"WAJAH_HOME {home} cannot be used: {error.strerror}.") from None


def _write_secrets(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".secrets.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(new_secrets()))
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)  # two first starts at once: one file wins, both read it
    temporary.unlink()


def _data_keys(text: str) -> tuple[tuple[str, bytes], ...]:
    keys = []
    for part in text.split(","):
        key_id, _, encoded = part.strip().partition(":")
        try:
            key = base64.urlsafe_b64decode(encoded)
        except ValueError:
            key = b""
        if not key_id or len(key) != 32:
            raise SettingsError("WAJAH_DATA_KEYS must be `id:base64 of 32 bytes`, several separated by commas.")
        keys.append((key_id, key))
    return tuple(keys)


def _number[T: (int, float)](env: dict[str, str], name: str, default: T, kind: type[T]) -> T:
    try:
        return kind(env.get(name) or default)
    except ValueError:
        raise SettingsError(f"{name} must be a number, not {env[name]!r}.") from None


def _smtp_url(value: str | None) -> str | None:
    try:
        parts = urlsplit(value or "smtp://localhost")
        known = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise SettingsError("SMTP_URL must be smtp://user:password@host:port, or smtps:// for TLS from the start.")
    return value


def _bounces_url(value: str | None) -> str | None:
    try:
        parts = urlsplit(value or "maildir:///")
        mailbox = parts.scheme in ("imap", "imaps") and bool(parts.hostname and parts.username) and parts.port != 0
        known = mailbox or (parts.scheme == "maildir" and parts.path.startswith("/") and not parts.netloc)
    except ValueError:
        known = False
    if not known:
        raise SettingsError("BOUNCES_URL must be imaps://user:password@host/folder, or maildir:///path.")
    return value


def _address(env: dict[str, str], name: str) -> str:
    value = env.get(name) or ""
    local, at, domain = value.rpartition("@")
    if value and not (local and at and domain and value.isascii() and value.isprintable() and " " not in value):
        raise SettingsError(f"{name} must be an e-mail address.")
    return value


def _whatsapp(env: dict[str, str]) -> WhatsApp | None:
    """All of it or nothing: a half-configured channel would take messages that it cannot answer."""
    given = {name: env.get(f"WHATSAPP_{name}") or "" for name in _WHATSAPP}
    if not any(given.values()):
        return None
    if missing := [f"WHATSAPP_{name}" for name, value in given.items() if not value]:
        raise SettingsError(f"WhatsApp needs {', '.join(missing)} too; without WHATSAPP_* the channel is off.")
    pairs = [pair.strip().partition(":") for pair in given["PHONE_NUMBER_ID"].split(",") if pair.strip()]
    numbers = tuple((number, slug or None) for number, _, slug in pairs)
    secrets_ = tuple(part.strip() for part in given["APP_SECRET"].split(",") if part.strip())
    if not numbers or not all(n.isdecimal() for n, _ in numbers) or len({n for n, _ in numbers}) < len(numbers):
        raise SettingsError("WHATSAPP_PHONE_NUMBER_ID must be a number's id, or `id:office,id:office` for several.")
    if not 1 <= len(secrets_) <= 2:
        raise SettingsError("WHATSAPP_APP_SECRET must be one secret, or two with a comma while one replaces the other.")
    url = env.get("WHATSAPP_API_URL") or WHATSAPP_API_URL
    if urlsplit(url).scheme not in ("http", "https"):
        raise SettingsError(f"WHATSAPP_API_URL must be an address with the version, such as {WHATSAPP_API_URL}.")
    account = env.get("WHATSAPP_BUSINESS_ACCOUNT_ID") or None
    if account is not None and not account.isdecimal():
        raise SettingsError("WHATSAPP_BUSINESS_ACCOUNT_ID must be the account's id, digits only.")
    per_second = _number(env, "WHATSAPP_MESSAGES_PER_SECOND", 80.0, float)
    if not 0.1 <= per_second <= 1000:
        raise SettingsError("WHATSAPP_MESSAGES_PER_SECOND must be between 0.1 and 1000; Meta begins with 80.")
    return WhatsApp(numbers, given["ACCESS_TOKEN"], secrets_, given["VERIFY_TOKEN"], url.rstrip("/"), account,
                    per_second)


def _files_s3(env: dict[str, str]) -> S3 | None:
    """All of it or nothing; the region matters to few stores but Amazon's."""
    given = {name: env.get(f"WAJAH_FILES_S3_{name}") or "" for name in _S3}
    if not any(given.values()):
        return None
    if missing := [f"WAJAH_FILES_S3_{name}" for name, value in given.items() if not value]:
        raise SettingsError(f"Files in S3 need {', '.join(missing)} too; without any they are in a folder.")
    try:
        known = urlsplit(given["ENDPOINT"]).scheme in ("http", "https") and bool(urlsplit(given["ENDPOINT"]).hostname)
    except ValueError:
        known = False
    if not known:
        raise SettingsError("WAJAH_FILES_S3_ENDPOINT must be the store's address, such as https://s3.example:9000.")
    return S3(given["BUCKET"], given["ENDPOINT"].rstrip("/"), env.get("WAJAH_FILES_S3_REGION") or "us-east-1",
              given["ACCESS_KEY_ID"], given["SECRET_ACCESS_KEY"])


def _port(env: dict[str, str], name: str, default: int) -> int:
    port = _number(env, name, default, int)
    if not 0 <= port <= 65535:
        raise SettingsError(f"{name} must be a port between 1 and 65535, not {port}.")
    return port


def _rate(env: dict[str, str], name: str, default: tuple[int, float]) -> tuple[int, float]:
    value = env.get(name)
    if not value:
        return default
    burst, _, refill = value.partition("/")
    try:
        return int(burst), float(refill)
    except ValueError:
        raise SettingsError(f"{name} must be `burst/refill per second`, for example 60/2.") from None
