"""Static files, read and packed once at start: small, cached for ever under an address that names their content."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sanic import Request
from sanic.response import HTTPResponse, empty, raw

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
FETCHED = ("vendor/htmx.min.js",)  # by set-up, from npm
FOR_EVER = "public, max-age=31536000, immutable"
SHORTLY = "public, max-age=300"
_COMMENT = re.compile(  # on lines of its own, or after code
    r"^\s*(?://[^\n]*|/\*.*?\*/)\s*$|(?<=[;{},\]])\s+// [^\n]*$", re.MULTILINE | re.DOTALL
)
# Strings, templates (none within another), and patterns, which stand where nothing can be divided.
_SAID = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`"""
_PATTERN = r"(?:(?<=[(=,:!&|?{};[])|(?<=return))\s*/(?![/*])(?:\\.|\[[^\]\n]*\]|[^/\\\n[])+/"
_BLANKS = re.compile(
    rf"({_SAID}|{_PATTERN})|\s*/\*[^*]*\*/\s*|;\s*(?=}})|(?<![+ ])[ ]+(\+)[ ]+(?![+ ])"
    r"|[ ]*([*%=<>!&|?:)\]])(?:[ ]+(?![ /]))?|[ ]*([{}(\[,;])(?:\s+(?![\s/]))?"
)


@dataclass(frozen=True)
class Asset:
    """One file as it is sent. `version` names its content."""

    content: bytes
    packed: bytes
    version: str
    content_type: str

    @classmethod
    def of(cls, content: bytes, suffix: str) -> Asset:
        """An asset of this content."""
        packed = gzip.compress(content, 9, mtime=0)
        return cls(content, packed, hashlib.sha256(content).hexdigest()[:16], TYPES[suffix])

    def answer(self, request: Request, cache: str, headers: Mapping[str, str] | None = None) -> HTTPResponse:
        """The file, packed where the browser can unpack it; 304 when the browser has it."""
        etag = f'W/"{self.version}"'
        headers = {"Cache-Control": cache, "ETag": etag, "Vary": "Accept-Encoding", **(headers or {})}
        if etag in request.headers.get("if-none-match", ""):
            return empty(304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return raw(self.packed, content_type=self.content_type, headers={**headers, "Content-Encoding": "gzip"})
        return raw(self.content, content_type=self.content_type, headers=headers)


def squeezed(script: str) -> str:
    """Our own script without comments and most of its blanks, a fifth of what a telephone would fetch. What stands in
    strings, templates and patterns stays, and so do the ends of lines except after a brace: our statements end with
    a semicolon, and the last of a block needs none."""
    code = re.sub(r"^\s+", "", _COMMENT.sub("", script), flags=re.MULTILINE)
    return _BLANKS.sub(lambda found: "".join(filter(None, found.groups())), code)


class Assets:
    """Every static file below `folder`, by its path; folders that are links are followed. Raises `FileNotFoundError`
    when set-up has not fetched what the console needs."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            file.relative_to(folder).as_posix(): Asset.of(file.read_bytes(), file.suffix)
            for above, _, names in os.walk(folder, followlinks=True) for name in sorted(names)
            if (file := Path(above, name)).suffix in TYPES
        }
        if missing := [name for name in FETCHED if name not in self._files]:
            raise FileNotFoundError(f"{folder / missing[0]} is missing: run `make setup` once")

    def get(self, path: str) -> Asset | None:
        """The file, if there is such a file."""
        return self._files.get(path)

    def url(self, path: str) -> str:
        """The address of a file; a changed file has another one. Raises `KeyError`."""
        return f"/static/{path}?v={self._files[path].version}"
