"""An agency's status service as a real HTTP server: it answers, is slow, fails, talks nonsense, or does not know."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from aiohttp import web


@dataclass
class Agency:
    """The server. `mode` says how the next requests go; `asked` are their raw paths, `headers` of the last one;
    `happened` once there was one."""

    url: str = ""
    mode: str = "good"
    state: str = "DIPROSES"
    failures: int = 0  # that many requests fail before the mode holds
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        self.headers = dict(request.headers)
        self.happened.set()
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        if self.mode == "slow":
            await asyncio.sleep(30)
        answers = {
            "error": lambda: web.Response(status=500), "forbidden": lambda: web.Response(status=403),
            "unknown": lambda: web.Response(status=404), "html": lambda: web.Response(text="<html>Masuk</html>"),
            "shape": lambda: web.json_response({"data": []}), "empty": lambda: web.Response(text=""),
            "redirect": lambda: web.Response(status=302, headers={"Location": f"{self.url}/elsewhere"}),
            "huge": lambda: web.Response(text='{"x": "' + "x" * 200_000 + '"}'),
            "deep": lambda: web.Response(text="[" * 50_000),
        }
        return answers.get(self.mode, self._good)()

    def _good(self) -> web.Response:
        return web.json_response({"data": {
            "status": self.state, "diperbarui": "2026-11-20", "petugas": {"nama": "Endang Sulastri"},
        }})


@contextlib.asynccontextmanager
async def agency() -> AsyncIterator[Agency]:
    """A running one."""
    served = Agency()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()


def described(url: str, **more: object) -> dict:
    """A connector for it, as its file says it."""
    return {
        "agency": "Dinas Perizinan Contoh", "topics": ["cek_status", "oss_nib"],
        "reference": {"pattern": r"IZN-\d{4}-\d{4}", "example": "IZN-2026-0001"},
        "request": {"url": f"{url}/permohonan/{{reference}}/status?v=1",
                    "headers": {"Authorization": "Bearer ${IZIN_TOKEN}"}},
        "response": {"status": "data.status", "officer": "data.petugas.nama", "date": "data.diperbarui"},
        "states": {"DIPROSES": "Berkas sedang diperiksa petugas."},
        "limits": {"seconds": 1.0, "failures": 3, "rest_seconds": 0.4, "cache_seconds": 0},
        **more,
    }


def written(folder: Path, name: str, description: dict) -> Path:
    """The file in the folder."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yml").write_text(yaml.safe_dump(description, allow_unicode=True), encoding="utf-8")
    return folder
