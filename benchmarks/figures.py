"""What the figures are made of, and how they are printed."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass
class Timing:
    """Answers one after the other (or several at once): how long each took, and all of them together; seconds."""

    each: list[float] = field(default_factory=list)
    total: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.each) / self.total

    @property
    def p50(self) -> float:
        """The median, in milliseconds."""
        return 1000 * statistics.median(self.each)

    @property
    def p95(self) -> float:
        """The 95th percentile, in milliseconds."""
        return 1000 * percentile(self.each, 0.95)

    def __add__(self, other: Timing) -> Timing:
        return Timing(self.each + other.each, self.total + other.total)

    def __str__(self) -> str:
        return f"{self.rate:6.1f}/s   p50 {self.p50:6.1f} ms   p95 {self.p95:6.1f} ms"


@dataclass(frozen=True)
class Target:
    """One promise of the issue: what was measured against what was promised."""

    what: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the promise holds in this run."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def __str__(self) -> str:
        sign, verdict = (">=" if self.at_least else "<="), ("met" if self.met else "NOT MET")
        return f"  {self.what:<64} {self.measured:7.2f}  {sign} {self.bound:.2f} {self.unit:<4} {verdict}"


def machine() -> str:
    """What this run ran on."""
    names = ("sanic", "sqlalchemy", "psycopg", "procrastinate", "uvloop")
    here = ", ".join(f"{name} {version(name)}" for name in names)
    return (f"{_processor()}, {os.cpu_count()} cores, {_memory():.0f} GB, Linux {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f}\nPython {platform.python_version()}, {here}, commit {_commit()}")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], check=False, capture_output=True, text=True)
    return said.stdout.strip() or "unknown"
