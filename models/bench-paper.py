#!/usr/bin/env python3
"""Time of `train --preset paper` against PyTorch doing the same steps on the same cores.

usage: bench-paper.py COMMAND VECTORS [RECORDS]     VECTORS: labelled vectors (`dataset features`); needs PyTorch (pip install torch)

Makes RECORDS (default 100,000) vectors of 2048 numbers, trains the paper's head on them by COMMAND in two folds and on all, which are
three trainings of 80 epochs, and runs as many steps of the same sizes, layers, loss and optimiser in PyTorch. Fewer than 10,000 are not
enough for steps of the published size. Of some records the simulated users agree on no label, and neither side gets these.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

BUNDLE = Path(__file__).parent / "resnet50-thin"


def ours(command: str, vectors: str, records: int, folder: Path) -> tuple[int, float]:
    """How many records have a label, and the seconds of training on them."""
    run = lambda *arguments: subprocess.run([command, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout
    run("dataset", "simulate", vectors, folder / "set.parquet", "--records", records, "--features", 2048)
    labelled = int(run("dataset", "label", folder / "set.parquet", folder / "labelled.parquet").split()[0])
    started = time.perf_counter()
    run("train", folder / "labelled.parquet", "--preset", "paper", "--folds", 2, "--base", BUNDLE, "--features", "features,stage4_deviation", "--output", folder / "bundle")
    return labelled, time.perf_counter() - started


def torchs(records: int) -> float:
    started = time.perf_counter()
    for rows in (records // 2, records - records // 2, records):
        x, y = torch.rand(rows, 2048), torch.randint(0, 3, (rows,))
        net = torch.nn.Sequential(torch.nn.Linear(2048, 2048), torch.nn.ReLU(), torch.nn.Linear(2048, 2048), torch.nn.ReLU(), torch.nn.Linear(2048, 3))
        optimiser, loss = torch.optim.Adam(net.parameters(), lr=0.001, eps=1e-7), torch.nn.CrossEntropyLoss(weight=torch.tensor([0.3, 1.0, 3.0]))
        for _ in range(80):
            order = torch.randperm(rows)
            for batch in order.split(5000):
                optimiser.zero_grad()
                loss(net(x[batch]), y[batch]).backward()
                optimiser.step()
    return time.perf_counter() - started


def main() -> None:
    command, vectors = sys.argv[1:3]
    records = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        labelled, mine = ours(command, vectors, records, Path(folder))
    theirs = torchs(labelled)
    print(f"{labelled} x 2048, three trainings of 80 epochs: {mine:.0f} s by train, {theirs:.0f} s by PyTorch {torch.__version__} on {torch.get_num_threads()} threads: ratio {mine / theirs:.2f}")


if __name__ == "__main__":
    main()
