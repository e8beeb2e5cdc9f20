"""The house of these tests is the session's (tests/conftest.py)."""

from tests.support.reporting import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]
