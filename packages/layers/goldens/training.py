"""
Whole runs of fit: x inputs, y targets, w weights before, f after, sw sample weights, p predictions; history and evaluation as facts.
Nothing is shuffled.
"""

from record import generator, ints, weight
import keras
import numpy as np
from keras import Input, Model, Sequential, layers as L, optimizers as O

rng = generator("training")
normal = lambda *shape: rng.normal(size=shape).astype("float32")
onehot = lambda classes, n: np.eye(n, dtype="float32")[classes]
POINTS, CLASSES = normal(11, 4), ints(rng.integers(0, 3, 11))
WORDS = ints([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [2, 2, 5, 1, 3], [1, 0, 0, 0, 0], [3, 4, 1, 2, 0], [5, 1, 0, 0, 0], [2, 4, 4, 0, 0]])
TAGS = ints(rng.integers(0, 3, WORDS.shape))
STEP_WEIGHTS = rng.uniform(0, 2, WORDS.shape).astype("float32")
IMAGES = normal(6, 8, 8, 1)


def mlp(last="softmax", units=3):
    return Sequential([Input((4,)), L.Dense(5, activation="tanh"), L.Dense(units, activation=last)])


def normalized():
    return Sequential([Input((4,)), L.Dense(5), L.BatchNormalization(momentum=0.5), L.Activation("relu"), L.LayerNormalization(), L.Dense(2)])


def frozen():
    return Sequential([Input((4,)), L.Dense(5, trainable=False), L.BatchNormalization(trainable=False), L.Dense(3, activation="softmax")])


def tagger():
    return Sequential([Input((5,), dtype="int32"), L.Embedding(6, 3, mask_zero=True), L.LSTM(4, return_sequences=True), L.Dense(3, activation="softmax")])


def reader():
    return Sequential([Input((5,), dtype="int32"), L.Embedding(6, 3, mask_zero=True), L.Bidirectional(L.GRU(3)), L.Dense(1, activation="sigmoid")])


def classifier():
    return Sequential([
        Input((8, 8, 1)), L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(2, 2, padding="same", activation="relu"),
        L.AveragePooling2D(2, padding="same"), L.Flatten(), L.Dense(3, activation="softmax"),
    ])


def branches():
    a, b = Input((4,), name="a"), Input((2,), name="b")
    joined = L.Concatenate(name="joined")([L.Dense(3, activation="relu", name="wide")(a), b])
    kind = L.Dense(3, activation="softmax", name="kind")(joined)
    size = L.Dense(1, name="size")(L.Dense(4, activation="tanh", name="deep")(joined))
    return Model([a, b], [kind, size])


two = {"x": [POINTS, normal(11, 2)], "y": [CLASSES, normal(11, 1)]}
runs = {
    "mlp": dict(model=mlp, optimizer=O.SGD(0.1), loss="sparse_categorical_crossentropy", metrics=["accuracy"], x=[POINTS], y=[CLASSES], validation_split=0.25),
    "mlp one-hot": dict(model=mlp, optimizer=O.Adam(0.05), loss="categorical_crossentropy", metrics=["accuracy", "mse"], x=[POINTS], y=[onehot(CLASSES, 3)]),
    "mlp binary": dict(model=lambda: mlp("sigmoid", 1), optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"], x=[POINTS], y=[(CLASSES > 0).astype("float32")]),
    "batch statistics": dict(model=normalized, optimizer=O.SGD(0.1, momentum=0.9), loss="mse", x=[POINTS], y=[normal(11, 2)], validation_split=0.25),
    "two convolutions": dict(model=classifier, optimizer=O.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["acc"], x=[IMAGES], y=[CLASSES[:6]]),
    "masked steps": dict(model=tagger, optimizer=O.Adam(0.05), loss="sparse_categorical_crossentropy", metrics=["accuracy"], x=[WORDS], y=[TAGS], validation_split=0.3),
    "masked and weighted steps": dict(model=tagger, optimizer=O.SGD(0.5), loss="sparse_categorical_crossentropy", metrics=["accuracy"], x=[WORDS], y=[TAGS], sample_weight=STEP_WEIGHTS),
    "masked reader": dict(model=reader, optimizer=O.Adam(0.05, global_clipnorm=0.1), loss="binary_crossentropy", metrics=["accuracy"], x=[WORDS], y=[(CLASSES[:7, None] > 0).astype("float32")]),
    "class weights": dict(model=mlp, optimizer=O.SGD(0.1), loss="sparse_categorical_crossentropy", metrics=["accuracy"], x=[POINTS], y=[CLASSES], class_weight={0: 2.0, 2: 0.5}, validation_split=0.25),
    "sample weights": dict(model=mlp, optimizer=O.SGD(0.1), loss="sparse_categorical_crossentropy", metrics=["accuracy"], x=[POINTS], y=[CLASSES], sample_weight=rng.uniform(0, 2, 11).astype("float32"), validation_split=0.25),
    "two outputs": dict(model=branches, optimizer=O.SGD(0.1), loss=["sparse_categorical_crossentropy", "mse"], loss_weights=[1.0, 0.5], metrics=[["accuracy"], ["mse"]], validation_split=0.25, **two),
    "two outputs, one loss for both": dict(model=branches, optimizer=O.SGD(0.1), loss="mse", x=two["x"], y=[onehot(CLASSES, 3), two["y"][1]]),
    "frozen layers": dict(model=frozen, optimizer=O.SGD(0.1), loss="sparse_categorical_crossentropy", x=[POINTS], y=[CLASSES]),
    "decay and schedule": dict(model=mlp, optimizer=O.RMSprop(O.schedules.ExponentialDecay(0.02, 2, 0.5), weight_decay=0.1, clipnorm=0.5), loss="sparse_categorical_crossentropy", x=[POINTS], y=[CLASSES]),
}


def training():
    tensors, facts = {}, {}
    for name, run in runs.items():
        draw = generator(name)
        one = lambda xs: xs[0] if len(xs) == 1 else xs
        model = run["model"]()
        model.set_weights([weight(draw, v) for v in model.weights])
        before = model.get_weights()
        model.compile(**{k: run[k] for k in ["optimizer", "loss", "metrics", "loss_weights"] if k in run})
        given = {k: run[k] for k in ["validation_split", "class_weight", "sample_weight"] if k in run}
        history = model.fit(one(run["x"]), one(run["y"]), batch_size=4, epochs=3, shuffle=False, verbose=0, **given).history
        weighed = {k: run[k] for k in ["sample_weight"] if k in run}
        found = model.evaluate(one(run["x"]), one(run["y"]), batch_size=4, verbose=0, return_dict=True, **weighed)
        predictions = model.predict(one(run["x"]), batch_size=4, verbose=0)
        named = {
            "x": run["x"], "y": run["y"], "w": before, "f": model.get_weights(), "sw": list(weighed.values()),
            "p": predictions if isinstance(predictions, (list, tuple)) else [predictions],
        }
        tensors.update({f"{name}/{k}{i}": v for k, vs in named.items() for i, v in enumerate(vs)})
        facts[name] = {"history": history, "evaluate": found}
    return tensors, facts
