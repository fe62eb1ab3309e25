#!/usr/bin/env python3
"""What the 8-bit backbone of a bundle costs: recall and false alarms of its head with the features of either backbone, out of fold.

usage: int8-loss.py BUNDLE INT8 CACHE FOLDER...      (packages of requirements.txt, safetensors and scipy)

INT8 is a backbone-int8.onnx. The pictures in FOLDERs are run through both backbones (the features are kept in the new or earlier file CACHE, .npz) and
found again among the vectors of BUNDLE's base set; what is not there is left out. The head is trained once more, as `imagespam-milter train`
does, on four fifths of the base set, near-duplicates and sources of ham whole, and asked about the pictures of the fifth: so of each picture
there are two scores by a head that saw neither it nor a near-duplicate. What tuned the backbone is not judged.
"""

import json
import multiprocessing
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from safetensors import safe_open
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest

from pixels import opened, pixels

FOLDS = 5
SEED = 42
# As in src/training/head: components, landmarks, share of the two functions; ridge, jitter, weight of ham; rounds in which landmarks are drawn.
PLAIN, TUNED = (slice(0, 512), 8000, 1.0), (slice(512, 768), 4000, 0.5)
RIDGE, JITTER, HAM_WEIGHT, ROUNDS = 1e-5, 1e-6, 3.0, 4
# Squared distance, of vectors whose mean square length is 1 in either part, up to which one is another one rounded to 8 bits.
SAME = 1e-3
# Cosine of the leading components above which pictures are near-duplicates.
NEAR = 0.98
BLOCK = 2048


def start(bundle: Path, int8: str) -> None:
    global sessions, view, outputs
    manifest = tomllib.loads((bundle / "model.toml").read_text())
    view, outputs = manifest["view"][0], manifest["backbone"]["outputs"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    files = [str(bundle / "backbone.onnx"), int8]
    sessions = [onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"]) for file in files]


def features(path: Path) -> tuple[str, list[np.ndarray]] | None:
    try:
        picture = pixels(opened(path), view)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return str(path), [np.concatenate(session.run(outputs, {"pixels": picture}), axis=1)[0] for session in sessions]


def extracted(bundle: Path, int8: str, cache: Path, folders: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Features of both backbones: pictures x features each."""
    kept = dict(np.load(cache)) if cache.exists() else {"paths": np.array([], dtype=str), "exact": np.empty((0, 2560), np.float32), "rough": np.empty((0, 2560), np.float32)}
    known = set(kept["paths"])
    paths = [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file() and str(path) not in known]
    with multiprocessing.Pool(initializer=start, initargs=(bundle, int8)) as pool:
        rows = [row for row in pool.imap(features, paths, chunksize=8) if row]
    if rows:
        kept["paths"] = np.concatenate([kept["paths"], [row[0] for row in rows]])
        kept["exact"] = np.concatenate([kept["exact"], np.stack([row[1][0] for row in rows])])
        kept["rough"] = np.concatenate([kept["rough"], np.stack([row[1][1] for row in rows])])
        np.savez(cache, **kept)
    return kept["exact"], kept["rough"]


def folds_of(vectors: np.ndarray, labels: np.ndarray, sources: np.ndarray, names: list[str]) -> np.ndarray:
    """A fold of each row: near-duplicates together, and sources of which all is ham."""
    leading = vectors[:, PLAIN[0]][:, -128:]
    unit = leading / np.linalg.norm(leading, axis=1, keepdims=True)
    pairs = [np.argwhere(unit[first : first + BLOCK] @ unit.T > NEAR) + [first, 0] for first in range(0, len(unit), BLOCK)]
    left, right = np.concatenate(pairs).T
    mixed = {source for source in np.unique(sources) if (labels[sources == source] != 0).any() or names[source].startswith("drawn/")}
    first_of = {source: np.flatnonzero(sources == source)[0] for source in np.unique(sources)}
    ham = np.array([row for row, source in enumerate(sources) if source not in mixed])
    left, right = np.concatenate([left, ham]), np.concatenate([right, [first_of[source] for source in sources[ham]]])
    _, groups = connected_components(coo_array((np.ones(len(left)), (left, right)), shape=(len(unit), len(unit))))
    order = np.random.default_rng(SEED).permutation(groups.max() + 1)
    sizes, fold_of, load = np.bincount(groups), np.empty(len(order), int), np.zeros(FOLDS)
    for group in sorted(order, key=lambda group: -sizes[group]):
        fold_of[group] = load.argmin()
        load[fold_of[group]] += sizes[group]
    return fold_of[groups]


def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    distances = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.exp(-np.maximum(distances, 0))


def apart(vectors: np.ndarray, count: int) -> np.ndarray:
    """Rows that become landmarks, as in src/training/head/landmarks.rs: the more a row is like one that is taken, the less is its chance."""
    random, left, nearest, taken = np.random.default_rng(SEED), np.arange(len(vectors)), np.zeros(len(vectors)), []
    count = min(count, len(vectors))
    for round_ in range(1, ROUNDS + 1):
        chance = np.maximum(1 - nearest, 1e-6)
        places = random.choice(len(left), count * round_ // ROUNDS - sum(map(len, taken)), replace=False, p=chance / chance.sum())
        taken.append(left[places])
        left, nearest = np.delete(left, places), np.delete(nearest, places)
        blocks = [kernel(vectors[left[first : first + BLOCK]], vectors[taken[-1]]).max(axis=1) for first in range(0, len(left), BLOCK)]
        nearest = np.maximum(nearest, np.concatenate(blocks)) if blocks else nearest
    return np.concatenate(taken)


def trained(vectors: np.ndarray, labels: np.ndarray, count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and weights of one function: kernel ridge regression, as in src/training/head/kernel.rs."""
    others, ham = np.flatnonzero(labels != 0), np.flatnonzero(labels == 0)
    room = min(len(others), max(count - len(ham), count // 2))
    landmarks = vectors[np.concatenate([others[apart(vectors[others], room)], ham[apart(vectors[ham], count - room)]])]
    balance = np.sqrt(len(labels) / np.bincount(labels, minlength=3) / 3) * [HAM_WEIGHT, 1, 1]
    left, right = np.zeros((len(landmarks),) * 2), np.zeros((len(landmarks), 3))
    for first in range(0, len(labels), BLOCK):
        values = kernel(vectors[first : first + BLOCK], landmarks).astype(np.float32)
        weighted = values * balance[labels[first : first + BLOCK]].astype(np.float32)[:, None]
        left += weighted.T @ values
        right += weighted.T @ (2.0 * np.eye(3)[labels[first : first + BLOCK]] - 1)
    left += RIDGE * len(labels) * kernel(landmarks, landmarks)
    left[np.diag_indices(len(landmarks))] += JITTER * len(labels)
    return landmarks, share * np.linalg.solve(left, right)


def calibrated(scores: np.ndarray, labels: np.ndarray):
    """Multinomial logistic regression: scores to 1 - p(ham)."""

    def logits(parameters: np.ndarray, scores: np.ndarray) -> np.ndarray:
        values = scores @ parameters[:9].reshape(3, 3) + parameters[9:]
        return values - np.logaddexp.reduce(values, axis=1, keepdims=True)

    loss = lambda parameters: -logits(parameters, scores)[np.arange(len(labels)), labels].mean()
    found = minimize(loss, np.concatenate([3 * np.eye(3).ravel(), np.zeros(3)]), method="BFGS").x
    return lambda scores: 1 - np.exp(logits(found, scores)[:, 0])


def main() -> None:
    bundle, int8, cache, folders = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:]
    exact, rough = extracted(bundle, int8, cache, folders)
    with safe_open(bundle / "base.safetensors", "np") as file:
        base = {name: file.get_tensor(name) for name in file.keys()}
        names = json.loads(file.metadata()["sources"])
    vectors, labels, seen = base["vectors"] * base["scale"], base["labels"].astype(int), base["seen"] == 1
    project = lambda features: np.sqrt(np.maximum(features, 0)) @ base["matrix"] + base["offset"]
    exact, rough = project(exact), project(rough)
    # Which row of the base set each picture is: its rounded vector is much nearer than any other's.
    row_of = np.full(len(exact), -1)
    lengths, taken = (vectors**2).sum(axis=1), set()
    for first in range(0, len(exact), BLOCK):
        block = exact[first : first + BLOCK]
        distances = lengths - 2 * block @ vectors.T + (block**2).sum(axis=1)[:, None]
        for place, nearest in enumerate(distances.argmin(axis=1)):
            if distances[place, nearest] < SAME and nearest not in taken:
                row_of[first + place] = nearest
                taken.add(nearest)
    judged = np.flatnonzero((row_of >= 0) & ~seen[row_of])
    print(f"{len(exact)} pictures, {(row_of >= 0).sum()} of them in the base set, {len(judged)} of these did not tune the backbone")
    folds = folds_of(vectors, labels, base["sources"], names)
    scores, exact_scores, rough_scores = np.zeros((len(labels), 3)), np.zeros((len(exact), 3)), np.zeros((len(exact), 3))
    for fold in range(FOLDS):
        for part, count, share in (PLAIN, TUNED):
            training = (folds != fold) & (~seen if part == TUNED[0] else True)
            landmarks, weights = trained(vectors[training][:, part], labels[training], count, share)
            of = lambda vectors: kernel(vectors[:, part], landmarks) @ weights
            scores[folds == fold] += of(vectors[folds == fold])
            asked = (row_of >= 0) & (folds[row_of] == fold)
            exact_scores[asked] += of(exact[asked])
            rough_scores[asked] += of(rough[asked])
        print(f"fold {fold + 1} of {FOLDS}", file=sys.stderr)
    score = calibrated(scores[~seen], labels[~seen])
    exact_scores, rough_scores = score(exact_scores[judged]), score(rough_scores[judged])
    ham_scores = np.sort(score(scores[~seen & (labels == 0)]))[::-1]
    allowed = int(len(ham_scores) * 0.001)
    threshold = ham_scores[allowed]
    print(f"threshold {threshold:.4f}: {allowed} of {len(ham_scores)} ham of the base set are above it")
    of_source, of_label = base["sources"][row_of[judged]], labels[row_of[judged]]
    ham = of_label == 0
    own = [np.sort(values[ham])[::-1][int(ham.sum() * 0.001)] for values in (exact_scores, rough_scores)]
    print(f"| pictures | n | float32 | int8 | found by one alone | at 0.1 % of the {ham.sum()} ham pictures here, each its own threshold |\n|---|---:|---:|---:|---:|---:|")
    kinds = {name: (of_source == place) & ~ham for place, name in enumerate(names) if not name.startswith("drawn/")}
    kinds |= {"drawn": ~ham & np.array([names[source].startswith("drawn/") for source in of_source]), "all lures": ~ham, "ham": ham}
    for name, mask in kinds.items():
        if mask.any():
            first, second = exact_scores[mask] > threshold, rough_scores[mask] > threshold
            alone = [(first & ~second).sum(), (second & ~first).sum()]
            doubt = binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1.0
            each = [100 * (values[mask] > limit).mean() for values, limit in zip((exact_scores, rough_scores), own)]
            print(f"| {name} | {mask.sum()} | {100 * first.mean():.2f} % | {100 * second.mean():.2f} % | {alone[0]}, {alone[1]} (p = {doubt:.2f}) | {each[0]:.2f} %, {each[1]:.2f} % |")


if __name__ == "__main__":
    main()
