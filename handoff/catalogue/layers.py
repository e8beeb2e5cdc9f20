"""Reading the catalogue's files. A layer is one folder; an agency's overlay is a second one merged over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SINGLE = ("office", "common")  # one entry each, whatever their keys
SECTIONS = (*SINGLE, "keepers", "laws", "pages", "topics")


@dataclass
class Layer:
    """What one folder's files say together, which file said it, and what could not be read."""

    data: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in SECTIONS})
    files: dict[tuple[str, str], str] = field(default_factory=dict)  # (section, key) -> file
    problems: list[str] = field(default_factory=list)
    unreadable: bool = False  # a file's content is not known, so what seems missing may stand there

    def add(self, file: str, content: Any) -> None:
        """Take in one file's content; what does not fit becomes a problem."""
        if not isinstance(content, dict):
            self.problems.append(f"{file}: must hold a mapping with any of {', '.join(SECTIONS)}")
            return
        for section, entries in content.items():
            if section not in SECTIONS:
                self.problems.append(f"{file}: {section}: unknown key")
            elif not isinstance(entries, dict):
                self.problems.append(f"{file}: {section}: must be a mapping")
            else:
                self._add_section(file, section, entries)

    def file_of(self, section: str, key: str) -> str | None:
        """The file that says `key` of `section`. The office is one entry: any of its keys tells the file."""
        if section in SINGLE:
            return next((file for (name, _), file in self.files.items() if name == section), None)
        return self.files.get((section, key))

    def _add_section(self, file: str, section: str, entries: dict[Any, Any]) -> None:
        for key, value in entries.items():
            first = self.files.setdefault((section, str(key)), file)
            if first == file:
                self.data[section][str(key)] = value
            else:
                where = key if section == "topics" else f"{section}: {key}"
                self.problems.append(f"{file}: {where}: already in {first}")


def read(folder: Path, prefix: str = "") -> Layer:
    """All `.yml` and `.yaml` files of `folder`; `prefix` stands before their names in problems."""
    layer = Layer()
    paths = sorted(path for path in folder.glob("*") if path.suffix in {".yml", ".yaml"})
    if not paths:
        layer.problems.append(f"{folder}: holds no .yml file")
    for path in paths:
        file = prefix + path.name
        try:
            # _UniqueKeys is a SafeLoader: no Python object can be made from a file.
            layer.add(file, yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys))
        except yaml.MarkedYAMLError as error:
            line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
            layer.problems.append(f"{file}: {line}{error.problem}")
            layer.unreadable = True
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            layer.problems.append(f"{file}: cannot be read: {error}")
            layer.unreadable = True
    return layer


def merge(base: Any, local: Any) -> Any:
    """`local` over `base`: mappings key by key, everything else (lists too) replaced."""
    if isinstance(base, dict) and isinstance(local, dict):
        return {**base, **{key: merge(base[key], value) if key in base else value for key, value in local.items()}}
    return local


def says(raw: Any, loc: Sequence[int | str]) -> bool:
    """Whether `raw` itself holds something at `loc`."""
    for part in loc:
        if isinstance(raw, dict):
            if part not in raw:
                return False
            raw = raw[part]
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            return False
    return True


class _UniqueKeys(yaml.SafeLoader):
    """Plain YAML takes the last of two equal keys silently; here it is an error."""


def _unique_mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be one word", key_node.start_mark)
        if key_node.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key_node.value} stands twice", key_node.start_mark)
        seen.add(key_node.value)
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
