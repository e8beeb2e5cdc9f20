"""How fast is it, in ratios that one run on one machine can give: `make bench` (`python -m benchmarks --help`).

Nothing here is a test: machines are noisy, so what is compared was measured side by side, in turns.
"""
