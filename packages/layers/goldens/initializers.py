"""What of initializers is no draw: fans s -> y of shapes, and the values that weights begin with where nothing is random."""

import numpy as np
from keras import initializers as I, layers as L
from keras.src.initializers.random_initializers import compute_fans

SHAPES = [(), (5,), (3, 4), (7, 3, 4), (3, 3, 4, 8), (2, 3, 3, 4, 8)]
fixed = {
    "constant": (I.Constant(0.25), (2, 3)),
    "identity": (I.Identity(gain=2.0), (3, 3)),
    "zeros": (I.Zeros(), (2, 2)),
    "ones": (I.Ones(), (2, 2)),
}
biases = {
    "LSTM": L.LSTM(2),
    "LSTM without forget bias": L.LSTM(2, unit_forget_bias=False),
    "GRU": L.GRU(2),
    "BatchNormalization": L.BatchNormalization(),
}


def initializers():
    tensors = {f"{name}/y0": np.asarray(make(shape)) for name, (make, shape) in fixed.items()}
    for i, shape in enumerate(SHAPES):
        tensors[f"fans/s{i}"], tensors[f"fans/y{i}"] = np.array(shape, "int32"), np.array(compute_fans(shape), "int32")
    for name, layer in biases.items():
        layer.build((1, 3, 2))
        still = [w for w in layer.weights if "kernel" not in w.path]
        tensors.update({f"{name}/y{i}": np.asarray(w.value) for i, w in enumerate(still)})
    return tensors
