"""The copy of a citizen's data as a file: `data.json` for programs, `baca.html` for people, and the files that were
sent. Written to a file without a name, so that nothing of it stays on the disk, whatever happens."""

from __future__ import annotations

import json
import logging
import tempfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

import jinja2

from handoff.services.errors import NotFound
from handoff.services.rights import copying
from handoff.services.rights.copying import Copy
from handoff.services.runtime import Runtime

log = logging.getLogger(__name__)
PIECE = 256 * 1024


@asynccontextmanager
async def packed(runtime: Runtime, copy: Copy, template: jinja2.Template) -> AsyncIterator[IO[bytes]]:
    """The ZIP, at its beginning. Raises `Unavailable` when a file cannot be reached now."""
    with tempfile.TemporaryFile() as made:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            archive.writestr("data.json", json.dumps(copy.facts, ensure_ascii=False, indent=2))
            archive.writestr("baca.html", template.render(copy=copy.facts, zone=copy.zone))
            for file in copy.files:
                try:
                    archive.writestr(file.path, await copying.content(runtime, file), zipfile.ZIP_STORED)
                except NotFound:
                    log.error("file %s of a copy is lost", file.id)
        made.seek(0)
        yield made
