"""Which pictures tune the backbone, and which are left for heads and figures."""

import hashlib
import pickle
from pathlib import Path

import numpy as np

CLASSES = ("ham", "spam", "ad")
# The share of each kind that tunes: office sources as wholes, all else by near-duplicate group. Of the old sets a quarter: there are
# few, and a head that saw half of them finds 10 points less of ISH.
SHARES = {"office": 0.6, "photograph": 0.5, "drawn ham": 0.6, "ish": 0.25, "challenge": 0.22, "lure": 0.6, "ad": 0.6}
# Cosine of 128 standardised components above which pictures are near-duplicates.
NEAR = 0.95


def kind_of(label: str, source: str) -> str:
    if "challenge" in source:
        return "challenge"
    if source.startswith("drawn") or "/drawn" in source:
        return {"ham": "drawn ham", "spam": "lure", "ad": "ad"}[label]
    if label == "spam":
        return "ish"
    return "photograph" if "ish" in source.split("/") else "office"


def share_of(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def groups(features: np.ndarray) -> np.ndarray:
    """Near-duplicates, and what they link: the number of a group's first member for each row."""
    root = np.sqrt(np.maximum(features, 0))
    standard = (root - root.mean(0)) / np.maximum(root.std(0), 1e-6)
    _, vectors = np.linalg.eigh((standard.T @ standard / len(standard)).astype(np.float64))
    rows = standard @ vectors[:, -128:].astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    parent = list(range(len(rows)))

    def first_of(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for begin in range(0, len(rows), 2048):
        near = np.argwhere(rows[begin:begin + 2048] @ rows.T > NEAR)
        for a, b in near + [begin, 0]:
            if a < b:
                parent[first_of(b)] = first_of(a)
    return np.array([first_of(at) for at in range(len(rows))])


class Split:
    """Of each packed picture its class, source, path and kind, and whether it tunes."""

    def __init__(self, folder: Path):
        entries = pickle.loads((folder / "entries.pickle").read_bytes())
        self.labels = np.array([CLASSES.index(label) for label, _, _ in entries])
        self.sources = np.array([source for _, source, _ in entries])
        self.paths = [path for _, _, path in entries]
        self.kinds = np.array([kind_of(label, source) for label, source, _ in entries])
        group = groups(np.load(folder / "features.npy"))
        office = self.kinds == "office"
        names = [f"{self.sources[at]}/{Path(self.paths[at]).stem}" for at in range(len(entries))]
        whole = [self.sources[at] if office[at] else names[group[at]] for at in range(len(entries))]
        tuning = np.array([share_of("t" + name) < SHARES[kind] for name, kind in zip(whole, self.kinds)])
        # What links an office source to the other side is on neither.
        linked = set(group[tuning]) & set(group[~tuning])
        self.tunes = tuning & np.array([at not in linked for at in group])
