"""Writes the data of the study of two Gaussians: N(0, I) and N(2 e1, I) in four dimensions.

python docs/studies/gaussians.py gaussians.parquet
"""

import sys

import numpy as np
import pandas as pd

LARGE, RARE, DIMENSIONS = 30_000, 12_000, 4

generator = np.random.default_rng(1)
X = generator.normal(size=(LARGE + RARE, DIMENSIONS))
X[LARGE:, 0] += 2
labels = ["large"] * LARGE + ["rare"] * RARE
pd.DataFrame({"vector": list(X.astype(np.float32)), "label": labels}).to_parquet(sys.argv[1])
