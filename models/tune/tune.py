#!/usr/bin/env python3
"""Tunes stage 4 of the backbone on what activations.py made, to tell the classes of changed copies of pictures.

VECTORS: the Parquet file that `imagespam-milter dataset features` makes of the same pictures, for their perceptual hashes. OUT gets
backbone.onnx, and tuned-on.txt: the hashes of all pictures that it was tuned on, and of the office sources of these, which a head
must not take for unseen. 7 minutes for 700 steps on 2 cores with AVX-512.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import torch
from torch import nn

from net import Stage4, with_weights
from split import Split

STEPS, BATCH, RATE, DECAY, DROPOUT, SMOOTHING, SEED = 700, 128, 8e-4, 0.03, 0.3, 0.05, 1
# Without AVX-512, half precision takes fifteen times as long as single.
FAST_BFLOAT16 = torch.cpu.get_capabilities().get("avx512_bf16", False)


class Classifier(nn.Module):
    """What the tuned features have to be good for, beside those of stages 2 and 3; not kept."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.dropout, self.linear = nn.BatchNorm1d(width), nn.Dropout(DROPOUT), nn.Linear(width, 3)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear(self.dropout(self.norm((features.clamp_min(0) + 1e-3).sqrt())))


def write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    with open(draft, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("backbone", str), ("activations", Path), ("vectors", str), ("out", Path)):
        parser.add_argument(name, type=kind)
    parser.add_argument("steps", type=int, nargs="?", default=STEPS, help="default: %(default)s")
    arguments = parser.parse_args()
    backbone, folder, vectors, out, steps = arguments.backbone, arguments.activations, arguments.vectors, arguments.out, arguments.steps
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    split, rows = Split(folder), np.load(folder / "copies.npy")
    labels, statistics = torch.from_numpy(split.labels[rows]), torch.from_numpy(np.load(folder / "copies-statistics.npy"))
    stage3 = np.load(folder / "copies-stage3.npy", mmap_mode="r")
    activations = lambda picked: torch.from_numpy(stage3[picked].astype(np.float32)).permute(0, 3, 1, 2)
    net = Stage4(backbone).to(memory_format=torch.channels_last)
    net.normalise(activations(np.sort(random.choice(len(rows), min(128, len(rows)), replace=False))) for _ in range(8))
    classifier = Classifier(statistics.shape[1] + 1024)
    modules = [*net.modules(), *classifier.modules()]
    plain = {p for module in modules if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) for p in module.parameters()}
    decayed = [p for module in (net, classifier) for p in module.parameters() if p not in plain]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY}, {"params": list(plain), "weight_decay": 0.0}], lr=RATE)
    averaged = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True)
    loss_of, begun, sums = nn.CrossEntropyLoss(label_smoothing=SMOOTHING), time.time(), [0.0, 0.0]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 60) * 0.5 * (1 + np.cos(np.pi * step / steps))
        picked = np.sort(random.choice(len(rows), min(BATCH, len(rows)), replace=False))
        net.train(), classifier.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=FAST_BFLOAT16):
            features = net(activations(picked).contiguous(memory_format=torch.channels_last))
        said = classifier(torch.cat([statistics[picked], features], 1))
        loss = loss_of(said, labels[picked])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*net.parameters(), *classifier.parameters()], 2.0)
        optimizer.step()
        averaged.update_parameters(net)
        sums = [sums[0] + loss.item(), sums[1] + (said.argmax(1) == labels[picked]).float().mean().item()]
        if step % 25 == 24:
            print(f"step {step + 1}: loss {sums[0] / 25:.3f}, right {sums[1] / 25:.3f}, {(time.time() - begun) / (step + 1):.2f} s a step", flush=True)
            sums = [0.0, 0.0]
    table = pyarrow.parquet.read_table(vectors, columns=["name", "hash"]).to_pydict()
    hashes = {str(Path(name).resolve()): number for name, number in zip(table["name"], table["hash"])}
    seen = np.isin(split.sources, list({split.sources[row] for row in np.unique(rows) if split.kinds[row] == "office"}))
    seen = (seen & (split.kinds == "office")) | split.tunes
    found = sorted({hashes[path] for path, tuned in zip(split.paths, seen) if tuned and path in hashes})
    if not found:
        sys.exit(f"tune: {vectors} holds none of the pictures that were packed; make it of the same folders")
    write(out / "tuned-on.txt", "".join(f"{number:016x}\n" for number in found).encode())
    write(out / "backbone.onnx", with_weights(backbone, averaged.module.folded()))


if __name__ == "__main__":
    main()
