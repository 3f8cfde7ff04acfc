"""The tables that summary() prints for a terminal of 80 columns."""

import os

os.environ["COLUMNS"] = "80"

import training
from keras import Input, Model, Sequential, layers as L


LONG = "a_name_that_is_longer_than_its_column"
GIVEN = {"a", "b", "wide", "deep", "joined", "kind", "size", LONG}


def named(model, name):
    """Names that do not depend on what was made before."""
    for i, layer in enumerate(model.layers):
        layer.name = layer.name if layer.name in GIVEN else f"layer_{i}"
    model.name = name
    return model


def shared():
    a, b = Input((3,)), Input((3,))
    twice = L.Dense(4)
    return Model([a, b], L.Dense(1)(L.Concatenate()([twice(a), twice(b)])))


def states():
    x = Input((5, 3))
    y, h, c = L.LSTM(4, return_sequences=True, return_state=True)(x)
    return Model(x, [y, h])


def chain():
    x = Input((6,))
    return Model(x, L.Dense(2)(L.BatchNormalization()(L.Dense(1200)(x))))


def trained():
    model = training.branches()
    model.compile("adam", ["sparse_categorical_crossentropy", "mse"])
    model.fit(training.two["x"], training.two["y"], verbose=0)
    return model


models = {
    "mlp": training.mlp,
    "classifier": training.classifier,
    "branches": training.branches,
    "chain": chain,
    "shared": shared,
    "states": states,
    "trained": trained,
    "frozen": lambda: Sequential([Input((4,)), L.Dense(3, trainable=False), L.Dense(2)]),
    "unbuilt": lambda: Sequential([L.Dense(3), L.Flatten()]),
    "a model": lambda: Sequential([Input((28, 28, 1)), L.GlobalAveragePooling2D(name=LONG), L.Dense(1)]),
}


def summaries():
    texts = []
    for name, make in models.items():
        named(make(), name).summary(print_fn=texts.append)
    return "\n\n".join(text.rstrip() for text in texts) + "\n"
