"""The same sweep as ``baseline_stack`` with a plain PyTorch loop for the classifier.

python -m benchmarks.dataloader_stack DATA.npz CELLS.json OUT
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.baseline_stack import run_stack


class TorchMlp(ClassifierMixin, BaseEstimator):
    """One hidden layer of ReLU units, trained over batches of a DataLoader with Adam."""

    def __init__(
        self, hidden: int = 128, epochs: int = 20, batch_size: int = 128, lr: float = 1e-3, seed: int = 0
    ):
        self.hidden, self.epochs, self.batch_size, self.lr, self.seed = hidden, epochs, batch_size, lr, seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> TorchMlp:
        """Train on rows X (n, d) with class codes y (n,)."""
        torch.manual_seed(self.seed)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.model_ = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], self.hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(self.hidden, len(self.classes_)),
        )
        adam = torch.optim.Adam(self.model_.parameters(), lr=self.lr)
        loss = torch.nn.CrossEntropyLoss()
        rows = TensorDataset(torch.from_numpy(X), torch.from_numpy(codes))
        batches = DataLoader(rows, batch_size=self.batch_size, shuffle=True)
        for _ in range(self.epochs):
            for inputs, labels in batches:
                adam.zero_grad()
                loss(self.model_(inputs), labels).backward()
                adam.step()
        self.n_iter_ = self.epochs
        return self

    @torch.no_grad()
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities of the classes (m, C)."""
        return torch.softmax(self.model_(torch.from_numpy(X)), dim=1).numpy()

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class of each row (m,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


if __name__ == "__main__":
    run_stack(TorchMlp)
