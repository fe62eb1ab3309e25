#!/usr/bin/env python3
"""Tunes all weights of the backbone on packed pictures (pack.py), on a GPU, and says what a kernel head makes of the result.

usage: tune.py BACKBONE PACKS OUT [--steps N] [--rate R] [--share S] [--leave-out KIND,…] [--frozen] [--top] [--beside BACKBONE]

BACKBONE is ResNet-50-thin (../resnet50-thin) or an EfficientNet-Lite (../cut-lite.py). Two thirds (S) of everything, office sources and
near-duplicate groups whole, tune the net; the rest trains and judges heads, as a head should not be trained on pictures whose features
the net was tuned to; heads of everything are judged on the rest, too. OUT gets tuned.onnx (BACKBONE with the tuned weights) and rest.txt
(the pictures that did not tune the net). --leave-out: kinds of drawn lures that nothing is trained on, only judged. --beside: half the
score of another net, as it is, with a head of everything, is added to the tuned one's, and its features tell near-duplicates.
Needs NumPy, Pillow, onnx, PyTorch 2.11 and 60 GB of graphics memory; 1,600 pictures a second on an H200.
"""

import argparse
import hashlib
import io
import multiprocessing
import pickle
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import augment
import judge
from net import Backbone, write

BATCH, CLASSES = 256, ("ham", "spam", "ad")
# Pictures of each kind in a batch.
MIX = {"office": 108, "photograph": 14, "drawn ham": 40, "ish": 26, "challenge": 28, "lure": 32, "ad": 8}
# As the challenge sets were made: spam laid thinly over photographs, or with what is light in it cut out. And ham likewise, which
# stays ham. The share of each kind.
LAID_OVER = {"ish": 0.6, "lure": 0.1, "office": 0.06, "drawn ham": 0.05}
PHOTOGRAPHS = ("ish", "drawn-thumbnail", "mate-backgrounds", "plasma-workspace-wallpapers", "ukui-wallpapers", "lxqt-themes", "wordpress-theme-twentytwentyone")


def decoded(entry):
    return np.asarray(Image.open(io.BytesIO(entry[3])).convert("RGB"))


def load(packs: Path):
    """Pixels (N x side x side x 3, bytes) and what each picture is."""
    cache = packs / "pixels.npy"
    entries = [entry for part in sorted(packs.glob("*.pickle")) for entry in pickle.loads(part.read_bytes())]
    if not cache.exists():
        with multiprocessing.get_context("spawn").Pool() as pool:
            pixels = np.stack(list(pool.imap(decoded, entries, chunksize=64)))
        np.save(cache, pixels)
    return np.load(cache), [entry[:3] for entry in entries]


def kind_of(kind: str, source: str) -> str:
    if "challenge" in source:
        return "challenge"
    if source.startswith("drawn") or "/drawn" in source:
        return {"ham": "drawn ham", "spam": "lure", "ad": "ad"}[kind]
    if kind == "spam":
        return "ish"
    return "photograph" if "ish" in source.split("/") else "office"


def groups(features: torch.Tensor) -> np.ndarray:
    """Near-duplicates: cosine of 128 standardised components above 0.95, and what that links."""
    root = features.sqrt()
    standard = (root - root.mean(0)) / root.std(0).clamp_min(1e-6)
    _, vectors = torch.linalg.eigh((standard.T @ standard / len(standard)).double())
    rows = nn.functional.normalize(standard @ vectors[:, -128:].float())
    parent = list(range(len(rows)))

    def root_of(at):
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for first in range(0, len(rows), 2048):
        a, b = torch.nonzero(rows[first:first + 2048] @ rows.T > 0.95, as_tuple=True)
        for i, j in zip((a + first).tolist(), b.tolist()):
            if i < j:
                parent[root_of(j)] = root_of(i)
    return np.array([root_of(at) for at in range(len(rows))])


def share_of(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbone")
    parser.add_argument("packs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--share", type=float, default=0.67)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leave-out", default="")
    parser.add_argument("--frozen", action="store_true", help="judge the net as it is, too")
    parser.add_argument("--top", action="store_true", help="tune stage 4 alone, and judge its mean beside all features of the net as it is")
    parser.add_argument("--beside", help="a backbone whose frozen features vote, too")
    parser.add_argument("--device", default="cuda")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    began = time.time()
    say = lambda *text: print(f"{time.time() - began:5.0f} s ", *text, flush=True)
    pixels, entries = load(arguments.packs)
    device = torch.device(arguments.device)
    pixels = torch.from_numpy(pixels).to(device)
    say(f"{len(pixels)} pictures")
    labels = torch.tensor([CLASSES.index(entry[0]) for entry in entries], device=device)
    sources = [entry[1] for entry in entries]
    kinds = np.array([kind_of(entry[0], entry[1]) for entry in entries])
    net = Backbone(arguments.backbone).to(device).to(memory_format=torch.channels_last)

    def picked(rows) -> torch.Tensor:
        return pixels[torch.as_tensor(rows, device=device)].permute(0, 3, 1, 2)

    @torch.no_grad()
    def features_of(net, rows) -> torch.Tensor:
        net.eval()
        return torch.cat([net.features(augment.seen(picked(rows[at:at + 128]))) for at in range(0, len(rows), 128)])

    def published(path: str) -> torch.Tensor:
        """The features of a net as it is."""
        cached = arguments.packs / f"{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]}.pt"
        if not cached.exists():
            other = Backbone(path).to(device).to(memory_format=torch.channels_last)
            torch.save(features_of(other, np.arange(len(pixels))).cpu(), cached)
        return torch.load(cached).to(device)

    group = groups(published(arguments.beside or arguments.backbone))
    say("largest groups: " + ", ".join(map(str, np.sort(np.unique(group, return_counts=True)[1])[-5:])))
    office = kinds == "office"
    # An office source goes as a whole, all else by group; what links an office source to the other side is left out.
    whole = [sources[at] if office[at] else entries[group[at]][2] for at in range(len(entries))]
    tuning = np.array([share_of(name) < arguments.share for name in whole])
    linked = {int(g) for g in np.unique(group[~tuning])} & {int(g) for g in np.unique(group[tuning])}
    dropped = np.array([int(g) in linked for g in group]) & tuning
    left_out = np.array([any(name and source.endswith(name) for name in arguments.leave_out.split(",")) for source in sources])
    train = tuning & ~dropped & ~left_out
    rest = np.flatnonzero(~tuning | (left_out & (kinds == "lure")))
    at_rest = torch.as_tensor(rest, device=device)
    say(f"{train.sum()} tune the net, {len(rest)} the heads, {dropped.sum()} left out; " + ", ".join(f"{k} {(train & (kinds == k)).sum()}/{(kinds[rest] == k).sum()}" for k in MIX))
    (arguments.out / "rest.txt").write_text("".join(f"{entries[at][0]} {entries[at][1]} {entries[at][2]}\n" for at in rest))

    in_rest = {
        "ISH": kinds[rest] == "ish", "c1": np.array(["challenge1" in sources[at] for at in rest]), "c2": np.array(["challenge2" in sources[at] for at in rest]),
        "lures": (kinds[rest] == "lure") & ~left_out[rest], "ads": kinds[rest] == "ad",
    }
    for name in sorted({sources[at] for at in rest if left_out[at]}):
        in_rest[name.split("-")[-1]] = np.array([sources[at] == name for at in rest])
    sets = {name: torch.from_numpy(rows).to(device) for name, rows in in_rest.items()}
    fold = torch.tensor([int(5 * share_of("fold" + whole[at])) for at in rest], device=device)
    fold[torch.from_numpy(left_out[rest]).to(device)] = 5  # judged by a head that has none of their kind
    ham = labels[at_rest] == 0
    real = ham & torch.from_numpy((kinds[rest] == "office") | (kinds[rest] == "photograph")).to(device)

    tuned_on = torch.as_tensor(np.flatnonzero(train), device=device)
    heads = {
        "the rest": (at_rest, fold),
        "everything": (torch.cat([at_rest, tuned_on]), torch.cat([fold, torch.full_like(tuned_on, -1)])),
    }

    def score_of(features: torch.Tensor, name: str) -> torch.Tensor:
        rows, folds = heads[name]
        found = judge.out_of_fold(features[rows], labels[rows], folds)[: len(rest)]
        score = found[:, 1] - found[:, 0]
        return (score - score.mean()) / score.std()

    def told(title: str, score: torch.Tensor) -> None:
        say(f"{title}, all ham\n" + judge.recall(score, ham, sets))
        print("   real ham\n" + judge.recall(score, real, sets), flush=True)

    vote = score_of(published(arguments.beside), "everything") if arguments.beside else None

    def judged(title: str, features: torch.Tensor) -> None:
        for name in heads:
            score = score_of(features, name)
            told(f"{title}, head of {name}", score)
            if vote is not None:
                told(f"{title}, head of {name}, and half the other net's score", score + 0.5 * vote)

    if arguments.frozen:
        judged("frozen", published(arguments.backbone))
    if vote is not None:
        told("the other net, frozen, head of everything", vote)

    pools = {name: torch.as_tensor(np.flatnonzero(train & (kinds == name)), device=device) for name in MIX}
    photographs = torch.as_tensor(np.flatnonzero(train & (labels.cpu().numpy() == 0) & np.array([source.split("/")[-1] in PHOTOGRAPHS for source in sources])), device=device)
    say(f"{len(photographs)} photographs to blend over")
    drawn = lambda pool, count: pool[torch.randint(len(pool), (count,), device=device)]

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.cat([drawn(pools[name], count) for name, count in MIX.items()])
        rows = rows[torch.randperm(len(rows), device=device)]
        views = augment.cropped(picked(rows))
        shares = np.array([LAID_OVER.get(kind, 0) for kind in kinds[rows.cpu().numpy()]])
        over = np.flatnonzero(np.random.rand(len(rows)) < shares)
        if len(over):
            at = torch.as_tensor(over, device=device)
            ground = augment.cropped(picked(drawn(photographs, len(over))))
            views[at] = augment.laid_over(views[at], ground)
        return augment.mailed(views), labels[rows]

    np.random.seed(arguments.seed)
    net.eval()
    with torch.no_grad():
        before = net.features(augment.seen(picked(rest[:64])))
        net.normalise([batch()[0] for _ in range(12)])
        net = net.to(device).eval()
        after = net.features(augment.seen(picked(rest[:64])))
    say(f"normalisation put back; features differ by {(before - after).norm() / before.norm():.1e}")
    width, last = after.shape[1], net.convolutions[-1].out_channels
    fixed = [module for at in net.below(3) for module in (net.convolutions[at], net.norms[at])] if arguments.top else []
    for module in fixed:
        module.requires_grad_(False)
    chosen = slice(width - last, width) if arguments.top else slice(0, width)
    classifier = nn.Sequential(nn.BatchNorm1d(chosen.stop - chosen.start), nn.Dropout(0.2), nn.Linear(chosen.stop - chosen.start, 3)).to(device)
    no_decay = [p for m in (*net.modules(), *classifier.modules()) if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d)) for p in m.parameters()]
    ids = {id(p) for p in no_decay}
    decay = [p for m in (net, classifier) for p in m.parameters() if id(p) not in ids]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.03}, {"params": no_decay, "weight_decay": 0.0}], lr=arguments.rate)
    averaged = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True)
    loss_of, sums = nn.CrossEntropyLoss(label_smoothing=0.05), [0.0, 0.0]
    autocast = torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else torch.autocast("cpu", enabled=False)
    started = time.time()
    for step in range(arguments.steps):
        share = step / arguments.steps
        for entry in optimizer.param_groups:
            entry["lr"] = arguments.rate * min(1, step / 100) * 0.5 * (1 + np.cos(np.pi * share))
        with torch.no_grad():
            views, truth = batch()
        net.train(), classifier.train()
        for module in fixed:
            module.eval()
        with autocast:
            features = net.features(views.contiguous(memory_format=torch.channels_last))
        logits = classifier(features[:, chosen].float().clamp_min(0).add(1e-3).sqrt())
        loss = loss_of(logits, truth)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        averaged.update_parameters(net)
        sums = [sums[0] + loss.item(), sums[1] + (logits.argmax(1) == truth).float().mean().item()]
        if (step + 1) % 100 == 0:
            rate = BATCH * (step + 1) / (time.time() - started)
            say(f"step {step + 1}: loss {sums[0] / 100:.3f}, right {sums[1] / 100:.3f}, {rate:.0f} pictures/s")
            sums = [0.0, 0.0]
        if not np.isfinite(loss.item()):
            raise SystemExit("tune: the loss is no number any more")
    tuned = averaged.module.folded()
    write(arguments.backbone, tuned, str(arguments.out / "tuned.onnx"))
    everything = np.arange(len(pixels))
    found = features_of(averaged.module, everything)
    if arguments.top:
        judged("stage 4 tuned beside all", torch.cat([published(arguments.backbone), found[:, chosen]], 1))
        judged("stage 4 tuned", found)
        return
    judged("tuned", found)
    # Between the published weights and these (Wortsman et al., 2022).
    for share in (0.75, 0.5):
        between = Backbone(arguments.backbone)
        with torch.no_grad():
            for layer in between.convolutions:
                for parameter, name in zip((layer.weight, layer.bias), layer.names):
                    parameter.lerp_(torch.from_numpy(tuned[name]), share)
        judged(f"{share} of the way", features_of(between.to(device).to(memory_format=torch.channels_last), everything))
    say("written")


if __name__ == "__main__":
    main()
