#!/usr/bin/env python3
"""Figures of the model card from a scan by the product itself, and its speed beside the bare ONNX Runtime.

usage: figures.py COMMAND SHARED_DATA OFFICE      (folders as for train-head.py; packages of requirements.txt)

The first table is over pictures that resnet50-thin/held-out.txt lists: no step of training has seen them. The second is
over all files, most of which the head was trained on: it shows that the product reads them, and is no measure.
Speed: the scan's wall clock against ONNX Runtime alone on ready tensors of the same number and size, on as many threads,
in turn, three times each; the median of the ratios.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
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


def table(rows: list[tuple[str, float, str]]) -> None:
    print("| source | pictures | score >= 0.5 | verdict spam (tag threshold) |\n|---|---:|---:|---:|")
    groups: dict[str, list] = {}
    for source, score, verdict in rows:
        names = [source] + (["all office"] if source.startswith("office/") else []) + (["all ham"] if not source.endswith("/spam") else [])
        for name in names:
            groups.setdefault(name, []).append((score, verdict))
    for name in sorted(groups, key=lambda name: (name.startswith("all"), name.startswith("office"), name)):
        found = groups[name]
        half, tagged = sum(score >= 0.5 for score, _ in found), sum(verdict == "spam" for _, verdict in found)
        print(f"| {name} | {len(found)} | {interval(half, len(found))} | {interval(tagged, len(found))} |")


def bare_runtime(count: int, threads: int) -> float:
    """Seconds that ONNX Runtime takes for so many pictures' tensors, backbone and head."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    outputs = ["stage2_mean", "stage2_deviation", "stage3_mean", "stage3_deviation", "features"]
    nets = [[onnxruntime.InferenceSession(str(BUNDLE / name), options) for name in ("backbone.onnx", "head.onnx")] for _ in range(threads)]
    pixels = np.random.default_rng(1).uniform(-120, 130, (1, 224, 224, 3)).astype(np.float32)

    def work(backbone, head, rounds):
        for _ in range(rounds):
            features = np.concatenate(backbone.run(outputs, {"pixels": pixels}), axis=1)
            head.run(None, {"features": features})

    started = time.perf_counter()
    workers = [threading.Thread(target=work, args=(*net, count // threads)) for net in nets]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    return time.perf_counter() - started


def main() -> None:
    command, data, office = sys.argv[1:]
    threads = os.cpu_count() or 1
    held_out = dict(line.split() for line in (BUNDLE / "held-out.txt").read_text().splitlines())
    sets = [f"{data}/{name}" for name in ("ish/ham", "ish/spam", "challenge1/spam", "challenge2/spam")]
    found = [(line, line["pictures"][0]) for line in scan(command, [*sets, office], threads) if line["pictures"]]
    judged = {picture["sha256"]: (line, picture) for line, picture in found if "probabilities" in picture}
    missing = set(held_out) - set(judged)
    print(f"### Held out ({len(held_out)} pictures" + (f", {len(missing)} of them not found" if missing else "") + ")\n")
    table([(held_out[digest], judged[digest][1]["probabilities"]["spam"], judged[digest][0]["verdict"]) for digest in held_out if digest in judged])
    print(f"\n### Everything under {data} (three quarters were trained on)\n")
    source = lambda path: "/".join(Path(path).parts[-3:-1])
    table([(source(line["path"]), picture["probabilities"]["spam"], line["verdict"]) for line, picture in judged.values() if line["path"].startswith(data)])

    ratios, rates = [], []
    for _ in range(3):
        started = time.perf_counter()
        count = len(scan(command, sets, threads))
        scanned = time.perf_counter() - started
        ratios.append(bare_runtime(count, threads) / scanned)
        rates.append(count / scanned)
    print(f"\nSpeed: {statistics.median(rates):.0f} pictures a second by scan on {threads} threads (reading, decoding and resizing included), "
          f"{statistics.median(ratios):.2f} of the bare ONNX Runtime on ready tensors (median of 3)")


if __name__ == "__main__":
    main()
