"""Computes a report's claims again, with SciPy and statsmodels: `python recompute.py reports/published/NAME`.

Reads `cells.parquet` and `claims.parquet` of the folder, and ends with exit code 1 where a number differs by more than 1e-6.
What the test images add to a difference's standard error is computed from `outcomes.parquet`, where that is there and the claim is about all
test images; else it is taken from `claims.parquet`. Claims about training curves are in no cell; of these the interval, p-values and verdict are computed from the standard
errors. Needs: pip install pandas pyarrow scipy statsmodels
"""

import math
import os
import sys

import numpy as np
import pyarrow.parquet as pq
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

TOLERANCE = 1e-6


def reach(tail, row):
    """Standard errors from the mean to the interval's end, with probability `tail` beyond each end."""
    seeds, images = row["standard_error_seeds"] ** 2, (row["standard_error_images"] or 0.0) ** 2
    of_seeds = stats.t.ppf(1 - tail, row["n_seeds"] - 1)
    if images == 0.0:
        return of_seeds
    of_images = stats.t.ppf(1 - tail, row["n_images"] - 1)
    return (of_seeds * seeds + of_images * images) / (seeds + images)


def verdict(row, low, high):
    delta, direction = row["smallest_effect"], row["direction"]
    if direction == "not-higher" and high < delta:
        return "supported"
    if (direction in ("lower", "not-higher") and low > 0) or (direction == "higher" and high < 0):
        return "contradicted"
    if direction != "not-higher" and -delta < low and high < delta:
        return "no-effect"
    is_as_claimed = {"lower": high < 0, "higher": low > 0, "differs": high < 0 or low > 0, "not-higher": False}
    return "supported" if is_as_claimed[direction] else "undecided"


def accuracies(cells, row, arm, rate):
    """Accuracy by seed."""
    key = (arm, rate, row["metric"], row["split"], row["attack"])
    of = lambda cell: (cell["arm"], cell["rate"], cell["metric"], cell["split"], cell["attack"])
    return {cell["seed"]: cell["estimate"] for cell in cells if of(cell) == key and cell["seed"] is not None and cell["label"] is None}


def sides_of(row):
    sides = [(1, "left"), (-1, "right")]
    if row.get("than_left_arm") is not None:
        sides += [(-1, "than_left"), (1, "than_right")]
    return sides


def differences(cells, row):
    sides = sides_of(row)
    values = [(sign, accuracies(cells, row, row[f"{side}_arm"], row[f"{side}_rate"])) for sign, side in sides]
    seeds = sorted(set.intersection(*(set(by_seed) for _, by_seed in values)))
    return np.array([sum(sign * by_seed[seed] for sign, by_seed in values) for seed in seeds])


def standard_error_images(outcomes, row):
    """What the images add, from the mean squares of seeds × images; None where a side was judged on other images."""
    table = None
    for sign, side in sides_of(row):
        is_it = (
            (outcomes["arm"] == row[f"{side}_arm"])
            & (outcomes["rate"] == row[f"{side}_rate"])
            & (outcomes["split"] == row["split"])
            & (outcomes["attack"] == row["attack"])
        )
        right = outcomes[is_it].pivot(index="seed", columns="image_id", values="is_correct").astype(float)
        if table is not None and not table.columns.equals(right.columns):
            return None
        table = sign * right if table is None else table + sign * right
    table = table.dropna().to_numpy()
    n, m = table.shape
    of_seeds, of_images = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    images = ((of_images - table.mean()) ** 2).sum() * n / (m - 1)
    rest = ((table - of_seeds - of_images + table.mean()) ** 2).sum() / ((n - 1) * (m - 1))
    return math.sqrt(max((images - rest) / (n * m), 0.0))


def slope(cells, row):
    """The mean over seeds of least-squares slopes over the rates of the left arm."""
    rates = sorted({cell["rate"] for cell in cells if cell["arm"] == row["left_arm"]})
    by_rate = [accuracies(cells, row, row["left_arm"], rate) for rate in rates]
    seeds = set.intersection(*(set(values) for values in by_rate))
    return np.mean([stats.linregress(rates, [values[seed] for values in by_rate]).slope for seed in seeds])


def check(row, what, expected, wrong):
    found = row[what]
    if isinstance(expected, str) or found is None or expected is None:
        is_right = found == expected
    else:
        is_right = math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if not is_right:
        wrong.append(f"{row['name']}: {what} is {found}, expected {expected}")
    return 1


def main(folder):
    cells = pq.read_table(f"{folder}/cells.parquet").to_pylist()
    claims = pq.read_table(f"{folder}/claims.parquet").to_pylist()
    has_outcomes = os.path.exists(f"{folder}/outcomes.parquet")
    outcomes = pq.read_table(f"{folder}/outcomes.parquet").to_pandas() if has_outcomes else None
    wrong, n = [], 0
    p_values = {}
    for row in claims:
        values = differences(cells, row)
        # Those that are not compared have no seeds, though the cells have both.
        if len(values) and len(values) == row["n_seeds"]:
            n += check(row, "difference", values.mean(), wrong)
            if row["standard_error_seeds"] is not None:
                n += check(row, "standard_error_seeds", stats.sem(values), wrong)
            if has_outcomes and row["metric"] == "accuracy" and row["standard_error_images"] is not None:
                n += check(row, "standard_error_images", standard_error_images(outcomes, row), wrong)
            if len(values) >= 5 and row["standard_error_seeds"] is not None:
                df = len(values) - 1
                n += check(row, "effect_size", values.mean() / values.std(ddof=1) * (1 - 3 / (4 * df - 1)), wrong)
            if row["slope"] is not None:
                n += check(row, "slope", slope(cells, row), wrong)
        if row["standard_error_seeds"] is None:
            p_values[row["name"]] = 1.0
            n += check(row, "verdict", "undecided", wrong)
            continue
        error = math.hypot(row["standard_error_seeds"], row["standard_error_images"] or 0.0)
        half = reach((1 - row["interval_confidence"]) / 2, row) * error
        low, high = row["difference"] - half, row["difference"] + half
        statistic = abs(row["difference"]) / error
        p = optimize.brentq(lambda p: reach(p / 2, row) - statistic, 1e-15, 1, xtol=1e-16)
        p_values[row["name"]] = p
        detectable = half + stats.t.ppf(0.8, row["n_seeds"] - 1) * error
        for what, expected in [
            ("interval_confidence", 1 - row["level"] / row["n_in_family"]),
            ("interval_low", low if row.get("than_left_arm") else max(low, -1.0)),
            ("interval_high", high if row.get("than_left_arm") else min(high, 1.0)),
            ("p_value", p),
            ("detectable_difference", detectable),
            ("verdict", verdict(row, low, high)),
        ]:
            n += check(row, what, expected, wrong)
    for row in claims:
        shares = lambda other: other["family"] == row["family"] and (row["is_exploratory"] or not other["is_exploratory"])
        family = [other["name"] for other in claims if shares(other)]
        n += check(row, "n_in_family", len(family), wrong)
        if row["p_value"] is not None:
            adjusted = multipletests([p_values[name] for name in family], method="holm")[1]
            n += check(row, "p_adjusted", adjusted[family.index(row["name"])], wrong)
    for line in wrong:
        print(line)
    print(f"{n - len(wrong)} of {n} numbers of {len(claims)} claims are those of SciPy and statsmodels")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
