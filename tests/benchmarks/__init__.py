"""`make bench`: what takes minutes and is measured rather than asserted. Results go to `docs/measured/`.

Each part is a module with `measure(quick, tell) -> Report`; `make bench ONLY=calibration` chooses, `QUICK=1` takes a
sample. Seeds are fixed, so that the same versions give the same numbers; times are told on the terminal, and written
down only as ratios of one run.
"""
