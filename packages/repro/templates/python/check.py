#!/usr/bin/env python3
# {{about}}
import math
import sys
from pathlib import Path

import numpy as np

# {{limit}}


def load(name):
    return np.load(Path(__file__).parent / name).astype(np.float64)


def distance(rows, expected):
    """The relative RMS distance over what no mask hides."""
    if np.shape(rows) != expected.shape:
        sys.exit(f"wanted rows of the shape {expected.shape}, got {np.shape(rows)}")
    seen = ~np.isnan(expected)
    delta, size = np.asarray(rows)[seen] - expected[seen], expected[seen]
    return float(np.sqrt(np.sum(delta**2)) / max(np.sqrt(np.sum(size**2)), 1e-300))


def report(expected, yours):
    right = distance(load("right.npy"), expected)
    wrong = distance(load("wrong.npy"), expected)
    own = distance(yours, expected)
    is_right = own <= LIMIT  # NaN is not
    print(f"right.npy  {right:.2e} from float64")
    print(f"wrong.npy  {wrong:.2e}")
    print(f"yours      {own:.2e}, limit {LIMIT:.2e}: {'right' if is_right else 'WRONG'}")
    return 0 if is_right else 1


# {{functions}}


# The inputs, as the engine had them.
# {{inputs}}

# The operation, in float64.
# {{steps}}

# >>> Call your own function here, on the inputs above. As it is, these are the rows that the engine computed.
yours = load("wrong.npy")
# <<<

sys.exit(report(expected, yours))
