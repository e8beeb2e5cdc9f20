"""Reading the connectors' folder. An error names file and field; one broken file stops the start: a status that is
silently missing looks like an agency without an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from handoff.connectors.schema import Connector

_FROM_ENVIRONMENT = re.compile(r"\$\{(\w+)\}")


class ConnectorError(Exception):
    """The connectors cannot be used. One problem a line: file, field, what is wrong."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def load(folder: Path | None, environment: Mapping[str, str], topics: frozenset[str]) -> tuple[Connector, ...]:
    """The connectors of `folder`, by file name; none without a folder. `topics` are those that may be named. Raises
    `ConnectorError`."""
    if folder is None:
        return ()
    if not folder.is_dir():
        raise ConnectorError([f"{folder}: no such folder"])
    found: list[Connector] = []
    problems: list[str] = []
    for path in sorted(path for path in folder.iterdir() if path.suffix in {".yml", ".yaml"}):
        try:
            found.append(_read(path, environment, topics))
        except ConnectorError as error:
            problems += error.problems
    if problems:
        raise ConnectorError(problems)
    return tuple(found)


def _read(path: Path, environment: Mapping[str, str], topics: frozenset[str]) -> Connector:
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConnectorError([f"{path.name}: cannot be read: {error}"]) from None
    if not isinstance(raw, dict):
        raise ConnectorError([f"{path.name}: must hold a mapping"])
    try:
        connector = Connector.model_validate({"name": path.stem, **raw})
    except ValidationError as error:
        raise ConnectorError([
            f"{path.name}: {'.'.join(map(str, item['loc'])) or 'file'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False, include_input=False)
        ]) from None
    if unknown := sorted(set(connector.topics) - topics):
        raise ConnectorError([f"{path.name}: topics: unknown {', '.join(unknown)}"])
    return _with_secrets(path.name, connector, environment)


def _with_secrets(file: str, connector: Connector, environment: Mapping[str, str]) -> Connector:
    headers = connector.request.headers
    missing = sorted({
        name for value in headers.values() for name in _FROM_ENVIRONMENT.findall(value) if not environment.get(name)
    })
    if missing:
        raise ConnectorError([f"{file}: request.headers: not in the environment: {', '.join(missing)}"])
    filled = {
        name: _FROM_ENVIRONMENT.sub(lambda found: environment[found[1]], value) for name, value in headers.items()
    }
    return connector.model_copy(update={"request": connector.request.model_copy(update={"headers": filled})})
