#!/usr/bin/env python3
"""Runs stages 1 to 3 of the published backbone, which stay as they are, over packed pictures and changed copies of them.

OUT gets entries.pickle and, of the pictures as they are, pixels.npy and features.npy (N x 2560); of COPIES changed copies of those
that tune (split.py) copies.npy (rows), copies-statistics.npy (mean and deviation of stages 2 and 3, 1,536) and copies-stage3.npy
(N x 12 x 12 x 512, every second pixel of each axis: stage 4 reads no other). Half an hour on 2 cores.
"""

import argparse
import io
import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from PIL import Image

import augment
from split import Split

MEAN = np.array([104, 117, 123], np.float32)
STATISTICS = ["stage2_mean", "stage2_deviation", "stage3_mean", "stage3_deviation"]
# Of each kind in so many copies.
MIX = {"office": 104, "photograph": 16, "drawn ham": 40, "ish": 28, "challenge": 28, "lure": 34, "ad": 8}
# Of these kinds so many are laid over photographs, as the challenge sets were made. Ham likewise, which stays ham.
LAID_OVER = {"ish": 0.6, "lure": 0.1, "office": 0.06, "drawn ham": 0.05}
PHOTOGRAPHS = ("ish", "drawn-thumbnail", "mate-backgrounds", "plasma-workspace-wallpapers", "ukui-wallpapers", "lxqt-themes", "wordpress-theme-twentytwentyone")


def cut(path: str, whole: bool) -> tuple[bytes, str]:
    """The backbone with what leaves stage 3 as an output, whole or only as far as that; and that output's name."""
    model = onnx.load(path)
    graph = model.graph
    stage3 = next(node.input[0] for node in graph.node if node.op_type == "ReduceMean" and node.output[0] == "stage3/mean")
    wanted = STATISTICS + (["features"] if whole else [])
    kept = [output for output in graph.output if output.name in wanted]
    del graph.output[:]
    graph.output.extend(kept + [helper.make_tensor_value_info(stage3, TensorProto.FLOAT, None)])
    needed, nodes = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(node.input)
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes[::-1])
    graph.initializer.extend(weights)
    return model.SerializeToString(), stage3


class Net:
    def __init__(self, path: str, whole: bool):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model, stage3 = cut(path, whole)
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.outputs = STATISTICS + (["features"] if whole else []) + [stage3]

    def __call__(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pooled numbers, and every second pixel of stage 3."""
        *pooled, stage3 = self.session.run(self.outputs, {"pixels": pixels[None, :, :, ::-1].astype(np.float32) - MEAN})
        return np.concatenate([row[0] for row in pooled]), stage3[0][:, ::2, ::2].transpose(1, 2, 0).astype(np.float16)


# Of a worker process.
net, pixels_of, pools, grounds = None, None, None, None


def begin_views(backbone: str) -> None:
    global net
    net = Net(backbone, True)


def view(packed: bytes) -> tuple[np.ndarray, np.ndarray]:
    image = Image.open(io.BytesIO(packed)).convert("RGB")
    return np.asarray(image), net(np.asarray(image.resize((augment.SIDE, augment.SIDE), Image.BILINEAR)))[0]


def begin_copies(backbone: str, folder: Path, rows_of: dict[str, np.ndarray], photographs: np.ndarray) -> None:
    global net, pixels_of, pools, grounds
    net, pixels_of, pools, grounds = Net(backbone, False), np.load(folder / "pixels.npy", mmap_mode="r"), rows_of, photographs


def copy(seed: int) -> tuple[int, np.ndarray, np.ndarray]:
    changes = augment.Changes(seed)
    kind = changes.random.choice(list(MIX), p=np.array(list(MIX.values())) / sum(MIX.values()))
    row = int(changes.random.choice(pools[kind]))
    pixels = changes.cropped(pixels_of[row])
    if changes.happens(LAID_OVER.get(kind, 0)):
        pixels = changes.laid_over(pixels, changes.cropped(pixels_of[int(changes.random.choice(grounds))]))
    return row, *net(changes.mailed(pixels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbone")
    parser.add_argument("packs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("copies", type=int, nargs="?", default=40_000, help="default: %(default)s")
    arguments = parser.parse_args()
    backbone, packs, folder, count = arguments.backbone, arguments.packs, arguments.out, arguments.copies
    folder.mkdir(parents=True, exist_ok=True)
    entries = [entry for part in sorted(packs.glob("*.pickle")) for entry in pickle.loads(part.read_bytes())]
    (folder / "entries.pickle").write_bytes(pickle.dumps([entry[:3] for entry in entries]))
    array = lambda name, kind, *shape: np.lib.format.open_memmap(folder / name, "w+", kind, shape)
    side = Image.open(io.BytesIO(entries[0][3])).width
    pixels = array("pixels.npy", np.uint8, len(entries), side, side, 3)
    features = array("features.npy", np.float32, len(entries), 2560)
    with multiprocessing.Pool(None, begin_views, (backbone,)) as pool:
        for row, found in enumerate(pool.imap(view, (entry[3] for entry in entries), chunksize=32)):
            pixels[row], features[row] = found
    pixels.flush(), features.flush()
    split = Split(folder)
    rows_of = {kind: np.flatnonzero(split.tunes & (split.kinds == kind)) for kind in MIX}
    photograph = [source.split("/")[-1] in PHOTOGRAPHS for source in split.sources]
    photographs = np.flatnonzero(split.tunes & (split.labels == 0) & photograph)
    rows = array("copies.npy", np.int64, count)
    statistics, stage3 = array("copies-statistics.npy", np.float32, count, 1536), array("copies-stage3.npy", np.float16, count, 12, 12, 512)
    with multiprocessing.Pool(None, begin_copies, (backbone, folder, rows_of, photographs)) as pool:
        for number, found in enumerate(pool.imap(copy, range(count), chunksize=32)):
            rows[number], statistics[number], stage3[number] = found


if __name__ == "__main__":
    main()
