"""Computes each number of leaks.parquet again, with pandas, SciPy and statsmodels, from images, pairs and predictions.

    pip install pandas pyarrow scipy statsmodels
    python recompute.py LEAKS IMAGES PAIRS NAME=PREDICTIONS [NAME=PREDICTIONS …]

Counts and accuracies must be equal to the last digit, ends of intervals to 1e-9. PREDICTIONS is an array of logits (.npy), predictions of
twinset-evaluate, or a CSV with the columns index and predicted.
"""

import sys

import numpy as np
import pandas as pd
import pyarrow.parquet
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

TWIN_SPLIT = "train"


def predictions(path, images):
    """The predicted class of each image of the split, in order."""
    if path.endswith(".npy"):
        array = np.load(path)
        return array.argmax(1) if array.ndim == 2 else array
    if path.endswith(".parquet"):
        frame = pd.read_parquet(path)
        frame = frame[frame.attack == "clean"].set_index("image_id")
        return frame.predicted.loc[images.image_id].to_numpy()
    return pd.read_csv(path).sort_values("index").predicted.to_numpy()


def twins(images, pairs, split):
    """Of each image its most similar twin in the training split, and whether it has one within its own split."""
    pairs = pairs[pairs.kind != "similar"]
    sides = ["id", "split"]
    left, right = ([f"{side}_{what}" for what in sides] for side in ["left", "right"])
    columns = ["image_id", "split", "twin_id", "twin_split"]
    both = [pairs[left + right + ["kind", "similarity"]], pairs[right + left + ["kind", "similarity"]]]
    both = pd.concat([frame.set_axis(columns + ["kind", "similarity"], axis=1) for frame in both])
    both = both[both.split == split]
    leaks = both[both.twin_split == TWIN_SPLIT].assign(is_exact=lambda frame: frame.kind == "exact")
    best = leaks.sort_values(["is_exact", "similarity"], ascending=False).groupby("image_id").first()
    images = images.join(best[["is_exact", "similarity"]], on="image_id")
    return images.assign(
        leaked=images.is_exact.notna(),
        exact=images.is_exact.eq(True),
        similarity=images.similarity.astype("float64"),
        within=images.image_id.isin(both[both.twin_split == split].image_id),
    )


def members(row, images):
    near = images.leaked & ~images.exact
    return {
        "all": images.leaked | ~images.leaked,
        "without-twin": ~images.leaked,
        "leaked": images.leaked,
        "leaked-exact": images.exact,
        "leaked-near": near,
        "leaked-similarity": near
        & (images.similarity >= row.similarity_low)
        & ((images.similarity < row.similarity_high) | (row.similarity_high == 1)),
        "twin-within-split": ~images.leaked & images.within,
    }[row.subset]


def paired(left, right, confidence):
    """The difference of two models on the same images, with the interval of Agresti and Min."""
    b, c, n = int((left & ~right).sum()), int((right & ~left).sum()), len(left)
    centre = (b - c) / (n + 2)
    spread = np.sqrt((b + c + 1) - (b - c) ** 2 / (n + 2)) / (n + 2) * norm.ppf(0.5 + confidence / 2)
    return (b - c) / n, max(centre - spread, -1), min(centre + spread, 1)


def main(leaks_path, images_path, pairs_path, named):
    leaks = pd.read_parquet(leaks_path)
    split = leaks.split.iloc[0]
    images = pd.read_parquet(images_path, columns=["image_id", "split", "label"])
    images = twins(images[images.split == split].reset_index(drop=True), pd.read_parquet(pairs_path), split)
    correct = {}
    for argument in named:
        name, path = argument.split("=", 1)
        correct[name] = pd.Series(predictions(path, images) == images.label.to_numpy())
    assert set(correct) == set(leaks.model), (set(correct), set(leaks.model))
    n_checked = 0

    def same(row, column, expected, tolerance=0.0):
        nonlocal n_checked
        found = row[column]
        is_same = pd.isna(found) if expected is None else abs(found - expected) <= tolerance
        assert is_same, f"{row.model}, {row.subset}, {column}: {found}, expected {expected}"
        n_checked += 1

    for _, row in leaks.iterrows():
        of_model = correct[row.model]
        is_member = members(row, images)
        subset, clean = of_model[is_member], of_model[~images.leaked]
        k, n, alpha = int(subset.sum()), len(subset), 1 - row.confidence
        same(row, "n_images", n)
        same(row, "n_correct", k)
        same(row, "accuracy", subset.mean() if n else None)
        low, high = proportion_confint(k, n, alpha, method="wilson") if n else (None, None)
        same(row, "accuracy_low", low, 1e-9)
        same(row, "accuracy_high", high, 1e-9)

        has_difference = row.subset not in ["without-twin", "twin-within-split"] and n and len(clean)
        same(row, "difference", subset.mean() - clean.mean() if has_difference else None)
        other, share = (subset, 1.0) if row.subset != "all" else (of_model[images.leaked], images.leaked.mean())
        low = high = None
        if has_difference and len(other):
            counts = int(other.sum()), len(other), int(clean.sum()), len(clean)
            low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=alpha)
            low, high = share * low, share * high
        same(row, "difference_low", low, 1e-9)
        same(row, "difference_high", high, 1e-9)

        if row.subset not in ["all", "without-twin"] or n == 0:
            for column in ["rank", "lead", "lead_low", "lead_high"]:
                same(row, column, None)
            continue
        same(row, "rank", 1 + sum(other[is_member].sum() > k for other in correct.values()))
        if pd.isna(row.next_model):
            assert k == min(other[is_member].sum() for other in correct.values())
            lead = None, None, None
        else:
            lead = paired(subset, correct[row.next_model][is_member], row.confidence)
        same(row, "lead", lead[0])
        same(row, "lead_low", lead[1], 1e-9)
        same(row, "lead_high", lead[2], 1e-9)
    schema = pyarrow.parquet.read_metadata(leaks_path).metadata[b"twinset.schema"].decode()
    print(f"{schema}: {n_checked} numbers of {len(leaks)} rows and {len(correct)} models, the same in pandas, SciPy and statsmodels")


if __name__ == "__main__":
    main(*sys.argv[1:4], sys.argv[4:])
