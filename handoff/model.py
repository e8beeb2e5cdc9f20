"""The bot's trained model: whether there is one for the present data and code, and how to make it.

A model's file name carries the fingerprint of everything it was made from, so "is it up to date?" needs no notes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from handoff.settings import REPOSITORY

INPUTS = ("config.yml", "domain.yml", "data/nlu", "data/rules.yml", "data/stories.yml", "data/lexicon.csv", "bot",
          "requirements/bot.txt")
_SUFFIXES = {".yml", ".yaml", ".csv", ".py", ".txt", ".json"}
BOT_PYTHON = REPOSITORY / ".venv-bot" / "bin" / "python"
OLD_MODELS = 2
# What a program of the bot environment may know: not the gateway's keys, nor where its database is.
_PASSED_ON = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
_PASSED_ON_PREFIXES = ("LC_", "TF_", "OMP_", "OPENBLAS_", "MKL_", "SSL_")


class ModelError(Exception):
    """There is no model, and none could be trained; the text says what to do."""


@dataclass(frozen=True)
class Model:
    """The model that belongs to the repository's present data and code, kept in `folder`."""

    folder: Path

    @cached_property
    def fingerprint(self) -> str:
        """A digest of every input of training, taken once: an edit while training counts for the next one."""
        digest = hashlib.sha256()
        for path in self._inputs():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(REPOSITORY).as_posix()} {content}\n".encode())
        return digest.hexdigest()[:16]

    @property
    def path(self) -> Path:
        """Where the model is, once trained."""
        return self.folder / f"wajah-{self.fingerprint}.tar.gz"

    def newest(self) -> Path | None:
        """The model trained last, of whatever data; None when there is none."""
        return max(self.folder.glob("wajah-*.tar.gz"), key=lambda path: path.stat().st_mtime, default=None)

    def training_command(self) -> tuple[str, ...]:
        """The command that trains into `draft`; to be run in the repository with `environment()`."""
        # Named one by one: Rasa would read all of `data/`, the catalogue included.
        data = [name for name in ("data/nlu", "data/rules.yml", "data/stories.yml") if (REPOSITORY / name).exists()]
        # Rasa's own look at the project takes a fifth of the time, and finds less than tests/nlu/test_project.py.
        return rasa("train", "--force", "--skip-validation", "--config", "config.yml", "--domain", "domain.yml",
                    "--data", *data, "--out", str(self.draft),
                    "--fixed-model-name", self.path.name.removesuffix(".tar.gz"))

    @property
    def draft(self) -> Path:
        """The folder that a training writes to."""
        return self.folder / "draft"

    def begin(self) -> None:
        """Clears the draft of a training that was cut short."""
        shutil.rmtree(self.draft, ignore_errors=True)
        self.draft.mkdir(parents=True)

    def accept(self) -> Path:
        """Puts the trained draft in place and removes old models; raises `ModelError` when training left none."""
        trained = self.draft / self.path.name
        if not trained.exists():
            raise ModelError("Training left no model; `make train` shows why.")
        trained.replace(self.path)
        shutil.rmtree(self.draft, ignore_errors=True)
        models = sorted(self.folder.glob("wajah-*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in [path for path in models if path != self.path][OLD_MODELS:]:
            path.unlink()
        return self.path

    def train(self, force: bool = False) -> Path:
        """Trains unless the model is up to date; the output goes to the terminal. Blocking. Raises `ModelError`."""
        if self.path.exists() and not force:
            return self.path
        self.begin()
        code = subprocess.run(self.training_command(), check=False, cwd=REPOSITORY, env=environment()).returncode
        if code:
            raise ModelError("Training failed; the messages above say why.")
        return self.accept()

    def _inputs(self) -> Iterator[Path]:
        for name in INPUTS:
            path = REPOSITORY / name
            if path.is_dir():
                yield from sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
            elif path.exists():
                yield path


def rasa(*words: str) -> tuple[str, ...]:
    """The command `rasa …` of the bot environment; through its Python, as a script's first line has a length limit."""
    return (str(BOT_PYTHON), "-m", "rasa", *words)


def environment(**more: str) -> dict[str, str]:
    """The environment for programs of the bot: what they need and no secret of the gateway's."""
    passed = {
        name: value for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    fixed = {
        "RASA_TELEMETRY_ENABLED": "false",
        "RASA_MAX_CACHE_SIZE": "0",  # a changed lexicon must not leave components "restored from cache"
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return passed | fixed | more
