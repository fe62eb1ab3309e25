"""What a kernel head makes of features: exact kernel ridge regression, out of fold."""

import torch

# As in src/training/head.
COMPONENTS, GAMMA, RIDGE, HAM_WEIGHT = 512, 1.0, 1e-5, 3.0


def projected(fit: torch.Tensor, *others: torch.Tensor) -> list[torch.Tensor]:
    """Square root, standardised, principal components, mean square length 1; fitted to the first."""
    root = fit.double().clamp_min(0).sqrt()
    mean, deviation = root.mean(0), root.std(0).clamp_min(1e-6)
    standard = (root - mean) / deviation
    _, vectors = torch.linalg.eigh(standard.T @ standard / len(standard))
    basis = vectors[:, -COMPONENTS:]
    scale = (standard @ basis).pow(2).sum(1).mean().sqrt()
    return [((rows.double().clamp_min(0).sqrt() - mean) / deviation) @ basis / scale for rows in (fit, *others)]


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (-GAMMA * torch.cdist(a, b).pow(2)).exp()


def out_of_fold(features: torch.Tensor, labels: torch.Tensor, folds: torch.Tensor) -> torch.Tensor:
    """Scores, rows x 3. Nothing is trained on a fold above 4, all heads on what is of fold -1."""
    scores = torch.zeros(len(features), 3, dtype=torch.float64, device=features.device)
    for fold in folds.unique().tolist():
        if fold < 0:
            continue
        train, test = (folds != fold) & (folds < 5), folds == fold
        a, b = projected(features[train], features[test])
        y = torch.nn.functional.one_hot(labels[train], 3).double() * 2 - 1
        count = torch.bincount(labels[train], minlength=3).double()
        weight = (len(a) / count / 3).sqrt() * torch.tensor([HAM_WEIGHT, 1, 1], dtype=torch.float64, device=a.device)
        weight = weight[labels[train]]
        matrix = kernel(a, a) + torch.diag(RIDGE * len(a) / weight)
        scores[test] = kernel(b, a) @ torch.linalg.solve(matrix, y)
    return scores


def recall(score: torch.Tensor, ham: torch.Tensor, sets: dict[str, torch.Tensor], rates=(0.0005, 0.001, 0.002, 0.005)) -> str:
    """Share of each set above the score that a share of ham reaches."""
    lines = []
    for rate in rates:
        among = score[ham].sort(descending=True).values
        least = among[int(rate * len(among))]
        found = " ".join(f"{name} {(score[rows] > least).float().mean():.3f}" for name, rows in sets.items())
        lines.append(f"    {100 * rate:.2f} % of {len(among)} ham: {found}")
    return "\n".join(lines)
