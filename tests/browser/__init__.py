"""The two windows as people see them: a real browser on a real house. How a test is written: `conftest.py`."""
