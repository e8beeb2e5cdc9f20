"""An S3-compatible store as a real HTTP server on loopback; it can be stopped and started again where it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from handoff.settings import S3

BUCKET = "berkas-warga"


@dataclass
class Store:
    """The server, with one bucket."""

    server: ThreadedMotoServer = field(default_factory=lambda: ThreadedMotoServer("127.0.0.1", 0, verbose=False))
    port: int = 0

    @property
    def settings(self) -> S3:
        """How an installation finds the bucket."""
        return S3(BUCKET, f"http://127.0.0.1:{self.port}", "us-east-1", "kunci", "rahasia-besar")

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment."""
        given = self.settings
        return {"WAJAH_FILES_S3_ENDPOINT": given.endpoint, "WAJAH_FILES_S3_BUCKET": given.bucket,
                "WAJAH_FILES_S3_ACCESS_KEY_ID": given.access_key_id,
                "WAJAH_FILES_S3_SECRET_ACCESS_KEY": given.secret_access_key}

    def start(self) -> None:
        """It serves, at the address it had."""
        self.server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]

    def stop(self) -> None:
        """Nobody answers; what it holds stays."""
        self.server.stop()

    def objects(self) -> dict[str, bytes]:
        """What lies in the bucket, by name."""
        client = self.client()
        listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {one["Key"]: client.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}

    def client(self) -> Any:
        """Somebody else's client, to look in from outside."""
        given = self.settings
        return boto3.client("s3", endpoint_url=given.endpoint, region_name=given.region,
                            aws_access_key_id=given.access_key_id, aws_secret_access_key=given.secret_access_key)


@contextlib.contextmanager
def s3_store() -> Iterator[Store]:
    """A running one, empty but for its bucket."""
    get_backend("s3").reset()
    store = Store()
    store.start()
    store.client().create_bucket(Bucket=BUCKET)
    try:
        yield store
    finally:
        store.stop()
