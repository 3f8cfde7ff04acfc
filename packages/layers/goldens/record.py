"""What the scripts share that record expected numbers: cases, random numbers that depend on a case's name only, gradients, files."""

import json
import os
import sys
import zlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import numpy as np
import keras
from keras.src.backend import get_keras_mask, set_keras_mask
from safetensors.numpy import save_file


class Case:
    """A layer to make, the inputs to call it on, and how. An input is a shape to draw, or an array; `masks` ride on the inputs."""

    def __init__(self, name, make, *inputs, masks=(), states=(), apply=None, **call):
        self.name, self.make, self.inputs, self.masks, self.states, self.call = name, make, inputs, masks, states, call
        self.apply = apply or (lambda layer, *xs, **o: layer(xs[0] if len(xs) == 1 else list(xs), **o))


def generator(name):
    """The same numbers for the same name, whatever else is recorded."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def draw(rng, spec):
    return spec if isinstance(spec, np.ndarray) else rng.normal(size=spec).astype("float32")


def ints(rows):
    return np.array(rows, "int32")


def bools(*rows):
    """Masks as text: bools("110", "111")."""
    return np.array([[c == "1" for c in row] for row in rows])


def weight(rng, variable):
    """A value for a weight; variances are positive."""
    if "variance" in variable.path:
        return rng.uniform(0.5, 1.5, variable.shape).astype("float32")
    return (0.5 * rng.normal(size=variable.shape)).astype("float32")


def is_float(x):
    return np.issubdtype(np.asarray(x).dtype, np.floating)


def flat(y):
    return list(y) if isinstance(y, (list, tuple)) else [y]


def record(case):
    """
    Everything about one call of a layer, under short names: x inputs, m their masks, s initial states, w weights (as Keras orders
    them), y outputs, ym the mask of the first output, g cotangents, gx gs gw gradients, n the state after the call. Arrays
    among the call's arguments keep their names.
    """
    rng = generator(case.name)
    inputs = [draw(rng, spec) for spec in case.inputs]
    states = [draw(rng, spec) for spec in case.states]
    layer = case.make()
    case.apply(layer, *inputs, **case.call)
    layer.set_weights([weight(rng, v) for v in layer.weights])
    trainable = [v.value for v in layer.trainable_variables]

    def run(*values):
        """Outputs from the float inputs, the states and the trainable weights."""
        at = len(values) - len(trainable)
        floats, weights = iter(values), values[at:]
        xs = [next(floats) if is_float(x) else x for x in inputs]
        for x, mask in zip(xs, case.masks):
            if mask is not None:
                set_keras_mask(x, mask)
        # A layer that is given states looks at no mask that its input carries.
        begin = {"initial_state": list(values[at - len(states):at]), "mask": (case.masks or [None])[0]} if states else {}
        # Not layer.stateless_call, which goes past the masks that the inputs carry.
        with keras.StatelessScope(state_mapping=list(zip(layer.trainable_variables, weights))) :
            y = flat(case.apply(layer, *xs, **begin, **case.call))
            return y, ([v.value for v in layer.non_trainable_variables], get_keras_mask(y[0]))

    values = [*[x for x in inputs if is_float(x)], *states, *trainable]
    outputs, pull, (after, mask) = jax.vjp(run, *values, has_aux=True)
    cotangents = [rng.normal(size=y.shape).astype("float32") for y in outputs]
    gradients = list(pull([jax.numpy.asarray(g) for g in cotangents]))
    floats = len([x for x in inputs if is_float(x)])
    named = {
        "x": inputs, "s": states, "w": layer.get_weights(), "y": outputs, "g": cotangents, "gx": gradients[:floats],
        "gs": gradients[floats:floats + len(states)], "gw": gradients[floats + len(states):], "ym": [] if mask is None else [mask],
    }
    if case.call.get("training"):
        named["n"] = after
    tensors = {f"{case.name}/{k}{i}": np.asarray(v) for k, vs in named.items() for i, v in enumerate(vs)}
    tensors.update({f"{case.name}/{k}": v for k, v in case.call.items() if isinstance(v, np.ndarray)})
    for i, m in enumerate(case.masks):
        if m is not None:
            tensors[f"{case.name}/m{i}"] = m
    return tensors


def write(folder, name, tensors, facts=None):
    """One file; the same bytes on every run."""
    path = os.path.join(folder, f"{name}.safetensors")
    tensors = {k: np.asarray(v, order="C") for k, v in sorted(tensors.items())}
    save_file(tensors, path, metadata=facts and {"facts": json.dumps(facts)})
    print(f"{name}: {len(tensors)} tensors, {os.path.getsize(path)} bytes")


def record_all(cases):
    """The tensors of several cases together."""
    tensors = {}
    for case in cases:
        assert f"{case.name}/y0" not in tensors, f"two cases are called {case.name}"
        tensors.update(record(case))
    return tensors


def main(folder, files):
    """Writes the files that the command line names, or all. A file is a function that gives its tensors, or tensors and facts
    beside them, or one text."""
    for name in sys.argv[1:] or files:
        made = files[name]()
        if isinstance(made, str):
            with open(os.path.join(folder, f"{name}.txt"), "w", encoding="utf-8", newline="\n") as file:
                file.write(made)
        else:
            write(folder, name, *(made if isinstance(made, tuple) else (made,)))
