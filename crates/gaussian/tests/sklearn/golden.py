"""Writes tests/golden/svc.csv: what scikit-learn's SVC says of fixed points, some of which are repeated.

    pip install scikit-learn
    python tests/sklearn/golden.py > tests/golden/svc.csv

A line is a point: its place, its class, how often it is trained on (0: not at all), and its decision value.
"""

import numpy as np
import sklearn
from sklearn.svm import SVC

generator = np.random.default_rng(0)
covariance = [[1, 0.5], [0.5, 1]]
points = np.concatenate([generator.multivariate_normal(mean, covariance, 30) for mean in ([0, 0], [1, 1])]).round(3)
classes = np.repeat([-1, 1], 30)
copies = np.where(classes == 1, generator.integers(1, 5, 60), generator.integers(1, 3, 60))
classifier = SVC(C=1, gamma=0.5).fit(np.repeat(points, copies, axis=0), np.repeat(classes, copies))

fresh = np.array([[x, y] for x in (-2, 0, 1, 3) for y in (-2, 0, 1, 3)], dtype=float)
points = np.concatenate([points, fresh])
classes = np.concatenate([classes, np.zeros(len(fresh), dtype=int)])
copies = np.concatenate([copies, np.zeros(len(fresh), dtype=int)])
print(f"# scikit-learn {sklearn.__version__}: SVC(C=1, gamma=0.5), {classifier.n_support_.sum()} support vectors")
print("x,y,class,copies,decision")
for (x, y), label, n, decision in zip(points, classes, copies, classifier.decision_function(points)):
    print(f"{x},{y},{label},{n},{decision:.6f}")
