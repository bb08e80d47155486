"""Writes ../golden/autoattack.json: what the reference implementation of AutoAttack does to small networks.

    git clone https://github.com/fra31/auto-attack
    python golden.py auto-attack

It was written with commit a392200 and PyTorch 2.11 on a CPU (an AMD EPYC). Networks and images follow from torch's seeds, so the file holds results alone.
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, sys.argv[1])
from autoattack import AutoAttack  # noqa: E402
from autoattack.autopgd_base import APGDAttack, APGDAttack_targeted  # noqa: E402
from autoattack.fab_pt import FABAttack_PT  # noqa: E402
from autoattack.square import SquareAttack  # noqa: E402

N, SIDE, HIDDEN = 16, 10, 24
N_QUERIES = 500
SEED = 0
# Radii that leave some of the images right.
EPSILONS = {("Linf", 10): 2, ("Linf", 4): 4, ("Linf", 3): 2, ("Linf", 2): 6,
            ("L2", 10): 24, ("L2", 4): 40, ("L2", 3): 20, ("L2", 2): 70}


def network(n_classes):
    """A network with one hidden layer, images, and labels: what it says itself, but for two images."""
    torch.manual_seed(n_classes)
    hidden = torch.randn(3 * SIDE * SIDE, HIDDEN) * 1.0
    last = torch.randn(HIDDEN, n_classes)
    pixels = torch.rand(N, 3, SIDE, SIDE)

    # In 64 bits, so that the logits are the same on processors whose products of matrices round otherwise.
    def logits(x):
        return (torch.tanh((x.flatten(1).double() - 0.5) @ hidden.double()) @ last.double()).float()

    labels = logits(pixels).argmax(1)
    labels[-2:] = (labels[-2:] + 1) % n_classes
    return logits, pixels, labels


def some(images):
    """Six pixels of each image."""
    flat = images.detach().flatten(1)
    return flat[:, :: flat.shape[1] // 6][:, :6].tolist()


def bits(images):
    """Differs when any bit of a float differs, but for chance."""
    return images.detach().contiguous().view(torch.int32).long().sum().item()


def single(attack, x, y):
    attack.init_hyperparam(x)
    torch.manual_seed(SEED)
    best, is_right, loss, wrong = attack.attack_single_run(x, y)
    return {"is_right": is_right.tolist(), "loss": loss.tolist(), "best": some(best), "wrong": some(wrong)}


def margin(logits, y):
    """What stands in for DLR where there are two classes."""
    own = logits.gather(1, y[:, None])[:, 0]
    return logits.scatter(1, y[:, None], -torch.inf).max(1)[0] - own


def case(norm, n_classes):
    logits, pixels, labels = network(n_classes)
    eps = EPSILONS[norm, n_classes] / 255
    n_targets = min(9, n_classes - 1)
    is_right = logits(pixels).argmax(1) == labels
    x, y = pixels[is_right], labels[is_right]
    common = {"eps": eps, "norm": norm, "seed": SEED, "device": "cpu"}
    apgd = lambda **more: APGDAttack(logits, verbose=False, **common, **more)
    found = {"norm": norm, "n_classes": n_classes, "epsilon": EPSILONS[norm, n_classes]}
    still = apgd(n_iter=0)
    still.init_hyperparam(x)
    torch.manual_seed(SEED)
    found["start_bits"] = bits(still.attack_single_run(x, y)[0])
    found["apgd-ce"] = single(apgd(loss="ce"), x, y)
    if n_classes >= 3:
        found["apgd-dlr"] = single(apgd(loss="dlr"), x, y)
    else:
        of_margin = apgd(loss="dlr")
        of_margin.dlr_loss = margin
        found["apgd-margin"] = single(of_margin, x, y)
    if n_classes >= 4:
        targeted = APGDAttack_targeted(logits, n_target_classes=n_targets, **common)
        targeted.y_target = logits(x).sort(dim=1)[1][:, -2]
        found["apgd-t"] = single(targeted, x, y)
    for name, more in [("fab", {"n_restarts": 3}), ("fab-t", {"targeted": True, "n_target_classes": n_targets})]:
        nearest = FABAttack_PT(logits, n_iter=100, **common, **more).perturb(x, y)
        wrong = logits(nearest).argmax(1) != y
        found[name] = {"is_right": (~wrong).tolist(), "wrong": some(nearest)}
    # Without a radius, as far as it has to go.
    free = FABAttack_PT(logits, n_iter=20, n_restarts=1, **{**common, "eps": 1e6}).perturb(x, y)
    found["fab-free"] = {"is_right": (logits(free).argmax(1) == y).tolist(), "wrong": some(free)}
    square = SquareAttack(logits, n_queries=N_QUERIES, p_init=0.8, resc_schedule=False, **common)
    square.init_hyperparam(x)
    torch.manual_seed(SEED)
    queries, best = square.attack_single_run(x, y)
    found["square"] = {
        "is_right": (logits(best).argmax(1) == y).tolist(), "wrong": some(best), "n_queries": queries.long().tolist(),
    }
    for batch_size in (16, 5):
        found[f"fooled_by_{batch_size}"] = fooled_by(logits, pixels, labels, norm, eps, n_classes, batch_size)
    return found


def fooled_by(logits, pixels, labels, norm, eps, n_classes, batch_size):
    """The first attack that breaks each image; "clean" where none is needed, "" where none does."""
    attacks = ["apgd-ce", "apgd-t" if n_classes >= 4 else "apgd-dlr", "fab-t", "square"]
    if n_classes == 2:
        attacks.remove("apgd-dlr")
    found = ["clean" if wrong else "" for wrong in (logits(pixels).argmax(1) != labels).tolist()]
    for n in range(1, len(attacks) + 1):
        whole = AutoAttack(logits, norm=norm, eps=eps, seed=SEED, verbose=False, version="custom",
                           attacks_to_run=attacks[:n], device="cpu")
        whole.logger.log = lambda _: None
        whole.apgd.n_restarts = 1
        n_targets = min(9, n_classes - 1)
        whole.fab.n_target_classes = whole.apgd_targeted.n_target_classes = n_targets
        whole.square.n_queries = N_QUERIES
        _, says = whole.run_standard_evaluation(pixels, labels, bs=batch_size, return_labels=True)
        found = [was or (attacks[n - 1] if wrong else "") for was, wrong in zip(found, (says != labels).tolist())]
    return found


def main():
    torch.set_num_threads(1)
    cases = [case(norm, n_classes) for norm in ("Linf", "L2") for n_classes in (10, 4, 3, 2)]
    for found in cases:
        print(found["norm"], found["n_classes"], [(key, sum(value["is_right"])) for key, value in found.items()
                                                   if isinstance(value, dict)])
        print(found["fooled_by_16"], found["fooled_by_5"])
    rounded = json.loads(json.dumps(cases), parse_float=lambda text: round(float(text), 6))
    text = ",\n".join(json.dumps(found, separators=(",", ":")) for found in rounded)
    golden = Path(__file__).parent.parent / "golden" / "autoattack.json"
    golden.write_text(f"[\n{text}\n]\n")


main()
