"""The losses and metrics that are recorded: t true values, p predictions, w weights, m mask; y the result, g its cotangent, gp the gradient."""

from record import bools, generator, ints, set_keras_mask
import jax
import numpy as np
from keras import losses as K
from keras.src.trainers.compile_utils import CompileMetrics


class LossCase:
    def __init__(self, name, make, true, predicted, weight=None, mask=None):
        self.name, self.make, self.true, self.predicted, self.weight, self.mask = name, make, true, predicted, weight, mask


rng = generator("losses")
scores = lambda *shape: rng.normal(size=shape).astype("float32")
chances = lambda *shape: rng.uniform(0.05, 0.95, shape).astype("float32")
onehot = lambda classes, n: np.eye(n, dtype="float32")[classes]
CLASSES, STEP_CLASSES = np.array([2, 0, 1]), np.array([[0, 1, 2, 2], [1, 1, 0, 2]])
HOT, STEP_HOT = onehot(CLASSES, 3), onehot(STEP_CLASSES, 3)
BITS, STEP_BITS = np.array([[1], [0], [1]], "float32"), np.array([[1, 0, 0, 1], [0, 1, 1, 0]], "float32")
EDGES = np.array([[0, 1, 0.5], [1, 0, 0], [0.2, 0.2, 0]], "float32")
SAMPLES, STEPS = np.array([1, 0.5, 0], "float32"), np.array([[1, 2, 0.5, 0], [0, 1, 1, 3]], "float32")
MASK = bools("1110", "1000")

values = {
    "mse": (K.MeanSquaredError, lambda: (scores(3, 2), scores(3, 2)), lambda: (scores(2, 4, 2), scores(2, 4, 2))),
    "bce": (K.BinaryCrossentropy, lambda: (BITS, chances(3, 1)), lambda: (STEP_BITS[..., None], chances(2, 4, 1))),
    "cce": (K.CategoricalCrossentropy, lambda: (HOT, chances(3, 3)), lambda: (STEP_HOT, chances(2, 4, 3))),
    "scce": (K.SparseCategoricalCrossentropy, lambda: (ints(CLASSES), chances(3, 3)), lambda: (ints(STEP_CLASSES), chances(2, 4, 3))),
}
REDUCTIONS = ["sum", "mean", "mean_with_sample_weight", "none"]

cases = [
    *[case for name, (make, samples, steps) in values.items() for case in [
        LossCase(name, make, *samples()),
        LossCase(f"{name} steps", make, *steps()),
        LossCase(f"{name} sample weights", make, *samples(), weight=SAMPLES),
        LossCase(f"{name} step weights", make, *steps(), weight=STEPS),
        LossCase(f"{name} mask", make, *steps(), mask=MASK),
        LossCase(f"{name} mask and step weights", make, *steps(), weight=STEPS, mask=MASK),
    ]],
    *[LossCase(f"{name} logits", lambda make=values[name][0]: make(from_logits=True), values[name][1]()[0], scores(3, n)) for name, n in [("bce", 1), ("cce", 3), ("scce", 3)]],
    *[LossCase(f"{name} smoothed{' logits' if logits else ''}", lambda make=values[name][0], o=logits: make(label_smoothing=0.2, from_logits=o),
               values[name][1]()[0], chances(3, n)) for name, n in [("bce", 1), ("cce", 3)] for logits in [False, True]],
    *[LossCase(f"mse {r} {what}", lambda r=r: K.MeanSquaredError(reduction=r), *values["mse"][2](), **o)
      for r in REDUCTIONS for what, o in [("plain", {}), ("weighted", {"weight": STEPS}), ("masked", {"weight": STEPS, "mask": MASK})]],
    LossCase("bce at the edges", K.BinaryCrossentropy, np.array([[0, 1, 1], [1, 1, 0], [1, 0, 0]], "float32"), EDGES),
    LossCase("cce at the edges", K.CategoricalCrossentropy, HOT, EDGES),
    LossCase("scce at the edges", K.SparseCategoricalCrossentropy, ints(CLASSES), EDGES),
    LossCase("bce flat targets", K.BinaryCrossentropy, BITS[:, 0], chances(3, 1)),
    LossCase("mse flat targets", K.MeanSquaredError, scores(3), scores(3, 1)),
    LossCase("scce column targets", K.SparseCategoricalCrossentropy, ints(CLASSES)[:, None], chances(3, 3)),
    LossCase("mse nothing kept", K.MeanSquaredError, scores(2, 4, 2), scores(2, 4, 2), mask=bools("0000", "0000")),
]


def losses():
    tensors = {}
    for case in cases:
        loss = case.make()

        def run(p):
            if case.mask is not None:
                set_keras_mask(p, case.mask)
            return loss(case.true, p, case.weight)

        y, pull = jax.vjp(run, jax.numpy.asarray(case.predicted))
        g = generator(case.name).normal(size=y.shape).astype("float32") if y.shape else np.float32(1)
        found = {"t0": case.true, "p0": case.predicted, "w0": case.weight, "m0": case.mask, "y0": y, "g0": g, "gp0": pull(jax.numpy.asarray(g))[0]}
        tensors.update({f"{case.name}/{k}": np.asarray(v) for k, v in found.items() if v is not None})
    return tensors


metric_cases = {
    "binary_accuracy": ("binary_accuracy", BITS, chances(3, 1)),
    "binary_accuracy flat targets": ("binary_accuracy", BITS[:, 0], chances(3, 1)),
    "binary_accuracy several": ("binary_accuracy", STEP_BITS, chances(2, 4)),
    "binary_accuracy at the threshold": ("binary_accuracy", BITS, np.array([[0.5], [0.5], [0.7]], "float32")),
    "categorical_accuracy": ("categorical_accuracy", HOT, chances(3, 3)),
    "categorical_accuracy steps": ("categorical_accuracy", STEP_HOT, chances(2, 4, 3)),
    "categorical_accuracy ties": ("categorical_accuracy", HOT, np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]], "float32")),
    "sparse_categorical_accuracy": ("sparse_categorical_accuracy", ints(CLASSES), chances(3, 3)),
    "sparse_categorical_accuracy column targets": ("sparse_categorical_accuracy", ints(CLASSES)[:, None], chances(3, 3)),
    "sparse_categorical_accuracy steps": ("sparse_categorical_accuracy", ints(STEP_CLASSES), chances(2, 4, 3)),
    "accuracy of one output": ("accuracy", BITS, chances(3, 1)),
    "accuracy of one output, flat targets": ("accuracy", BITS[:, 0], chances(3, 1)),
    "accuracy of indices": ("accuracy", ints(CLASSES), chances(3, 3)),
    "accuracy of indices in a column": ("acc", ints(CLASSES)[:, None], chances(3, 3)),
    "accuracy of one-hot rows": ("accuracy", HOT, chances(3, 3)),
    "accuracy of steps": ("acc", ints(STEP_CLASSES), chances(2, 4, 3)),
    "mse": ("mse", scores(3, 2), scores(3, 2)),
}


def metrics():
    """The metric as compile() takes it, by its name: which of the accuracies it is depends on the shapes."""
    tensors = {}
    for name, (which, t, p) in metric_cases.items():
        metric = CompileMetrics([which], None)
        metric.update_state(t, p)
        tensors.update({f"{name}/t0": t, f"{name}/p0": p, f"{name}/y0": np.asarray(metric.result()[which])})
    return tensors
