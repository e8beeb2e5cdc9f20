"""What web and worker log: one line an event of ours, and of libraries only what is amiss. Never a citizen's words."""

from __future__ import annotations

import logging

QUIET = ("httpx", "procrastinate", "sanic.root", "sanic.server")  # a line for each call, job or start says nothing new


def configure() -> None:
    """Set up logging for this process; called once, first."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
