"""Where citizens' files lie: in a folder, or in an S3-compatible store (docs/adr/0034). Either sees ciphertext only."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from handoff.services.errors import NotFound, Unavailable
from handoff.settings import S3, Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger(__name__)

LEAST_FREE = 500_000_000  # bytes that files leave on a disk: on a full one the database would take no message either
SECONDS, CONNECT_SECONDS, TRIES = timedelta(seconds=20), timedelta(seconds=3), 2


class Depot(Protocol):
    """Files by their id; all of it blocks. An id is written once."""

    def put(self, file_id: UUID, sealed: bytes) -> None:
        """Keep it: when this returns it is there to stay. Raises `Unavailable`."""

    def get(self, file_id: UUID) -> bytes:
        """What was kept. Raises `NotFound`, `Unavailable`."""

    def remove(self, file_id: UUID) -> None:
        """It is gone, if it was there. Raises `Unavailable`."""


def depot(settings: Settings) -> Depot:
    """The one that the settings name. Nothing is connected yet."""
    return Folder(settings.uploads) if settings.files_s3 is None else Bucket(settings.files_s3)


def _name(file_id: UUID) -> str:
    """The same in a folder and in a bucket, so that one can be copied into the other."""
    return f"{str(file_id)[:2]}/{file_id}"


def leave_room(folder: Path) -> None:
    """Raises `Unavailable` when the disk of the folder, which is there, has no room for files; blocking."""
    if shutil.disk_usage(folder).free < LEAST_FREE:
        log.error("the disk of %s is nearly full: files are refused, messages are taken", folder)
        raise Unavailable(retry_after=300)


class Folder:
    """Files on this machine's disk, or on one that is shared."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, file_id: UUID, sealed: bytes) -> None:
        """On the disk when it returns. Raises `Unavailable` on a disk that is nearly full."""
        path = self._root / _name(file_id)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        leave_room(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())

    def get(self, file_id: UUID) -> bytes:
        """Raises `NotFound`."""
        try:
            return (self._root / _name(file_id)).read_bytes()
        except FileNotFoundError:
            raise NotFound() from None

    def remove(self, file_id: UUID) -> None:
        """Gone."""
        (self._root / _name(file_id)).unlink(missing_ok=True)


class Bucket:
    """Objects in an S3-compatible store."""

    def __init__(self, settings: S3) -> None:
        self._settings = settings
        self._opened: S3Store | None = None

    def put(self, file_id: UUID, sealed: bytes) -> None:
        """In the store when it returns."""
        with _reached():
            self._store().put(_name(file_id), sealed, use_multipart=False)

    def get(self, file_id: UUID) -> bytes:
        """Raises `NotFound`, `Unavailable`."""
        with _reached():
            try:
                return self._store().get(_name(file_id)).bytes().to_bytes()
            except FileNotFoundError:
                raise NotFound() from None

    def remove(self, file_id: UUID) -> None:
        """Gone. Raises `Unavailable`."""
        with _reached():
            self._store().delete(_name(file_id))

    def _store(self) -> S3Store:
        from obstore.store import S3Store  # only who uses it loads it

        if self._opened is None:
            given = self._settings
            self._opened = S3Store(
                given.bucket, endpoint=given.endpoint, region=given.region, access_key_id=given.access_key_id,
                secret_access_key=given.secret_access_key, virtual_hosted_style_request=False,
                client_options={"allow_http": given.endpoint.startswith("http://"), "timeout": SECONDS,
                                "connect_timeout": CONNECT_SECONDS},
                retry_config={"max_retries": TRIES, "retry_timeout": SECONDS},
            )
        return self._opened


@contextmanager
def _reached() -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:  # it raises the system's own for what is missing or forbidden
        log.error("the store of files: %s", type(error).__name__)  # its text names the address and the object
        raise Unavailable() from None
