"""Nobody is shut out: axe-core on every page, in light and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.support.browser import axe, fits


@pytest.mark.parametrize("path", ["/", "/layanan", "/layanan?q=ktp", "/layanan/ktp_hilang", "/petugas", "/tidak-ada"])
def test_a_page_has_no_serious_violation(open_page: Callable[..., Page], path: str) -> None:
    page = open_page(path)
    axe(page)
    fits(page)
