#!/usr/bin/env python3
"""What `scan` says of labelled pictures, by source, and its speed beside the bare ONNX Runtime.

usage: figures.py COMMAND FOLDER...      (each a folder of pictures; packages of requirements.txt)

The table is over the verdicts that the daemon would reach; most of these pictures may have been trained on, so it shows that
the product reads them and is no measure of the model: see the card for that.
Speed: the scan's wall clock against ONNX Runtime alone on ready tensors of the same number and size, on as many threads,
in turn, five times each; the median of the ratios.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime

BUNDLE = Path(__file__).parent / "resnet50-thin"


def interval(count: int, total: int) -> str:
    """A rate in percent with its 95 % Wilson interval."""
    z, rate = 1.96, count / total
    centre, spread = rate + z * z / (2 * total), z * (rate * (1 - rate) / total + z * z / (4 * total * total)) ** 0.5
    low, high = ((centre + sign * spread) / (1 + z * z / total) for sign in (-1, 1))
    return f"{100 * rate:.2f} % [{100 * max(low, 0):.2f}, {100 * high:.2f}]"


def scan(command: str, folders: list[str], threads: int) -> list[dict]:
    arguments = [command, "scan", "--set", f"model.bundle={BUNDLE}", "--threads", str(threads), "--format", "json", *folders]
    return [json.loads(line) for line in subprocess.run(arguments, stdout=subprocess.PIPE, text=True).stdout.splitlines()]


def bare_runtime(manifest: dict, count: int, threads: int) -> float:
    """Seconds that ONNX Runtime takes for so many pictures' tensors, backbone and head."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    outputs = manifest["backbone"]["outputs"]
    nets = [[onnxruntime.InferenceSession(str(BUNDLE / name), options) for name in ("backbone.onnx", "head.onnx")] for _ in range(threads)]
    random = np.random.default_rng(1)
    views = [random.uniform(-120, 130, (1, view["height"], view["width"], 3)).astype(np.float32) for view in manifest["view"]]

    def work(backbone, head, rounds):
        for _ in range(rounds):
            features = np.concatenate([part for pixels in views for part in backbone.run(outputs, {"pixels": pixels})], axis=1)
            head.run(None, {"features": features})

    started = time.perf_counter()
    workers = [threading.Thread(target=work, args=(*net, count // threads)) for net in nets]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    return time.perf_counter() - started


def main() -> None:
    command, folders = sys.argv[1], sys.argv[2:]
    threads = os.cpu_count() or 1
    manifest = tomllib.loads((BUNDLE / "model.toml").read_text())
    print("| source | pictures | verdict spam | verdict ad |\n|---|---:|---:|---:|")
    groups: dict[str, list[str]] = {}
    for line in scan(command, folders, threads):
        if line["pictures"] and "probabilities" in line["pictures"][0]:
            groups.setdefault("/".join(Path(line["path"]).parts[-3:-1]), []).append(line["verdict"])
    for name, found in sorted(groups.items()):
        print(f"| {name} | {len(found)} | {interval(found.count('spam'), len(found))} | {interval(found.count('ad'), len(found))} |")

    ratios, rates = [], []
    for _ in range(5):
        started = time.perf_counter()
        count = len(scan(command, folders, threads))
        scanned = time.perf_counter() - started
        ratios.append(bare_runtime(manifest, count, threads) / scanned)
        rates.append(count / scanned)
    print(f"\nSpeed: {statistics.median(rates):.0f} pictures a second by scan on {threads} threads (reading, decoding and resizing included), "
          f"{statistics.median(ratios):.2f} of the bare ONNX Runtime on ready tensors (median of 5)")


if __name__ == "__main__":
    main()
