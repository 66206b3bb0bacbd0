"""Nonsense for every door, by seed: what `python -m benchmarks.fuzz` and its short test send.

`fuzz.Fuzz` makes the tries; each kind of try is a module of its own that says how one ended, and
raises `Broken` where what came out is not what may come out.
"""
