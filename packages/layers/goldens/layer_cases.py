"""The layers that are recorded: how each is made, and what it is called on."""

from record import Case, bools, ints
import numpy as np
from keras import layers as L

ACTIVATIONS = ["linear", "relu", "sigmoid", "tanh", "softmax", "log_softmax", "softplus", "silu", "swish", "gelu", "exponential"]
EDGES = np.array([[-8, -2, -0.5], [0.25, 1, 3], [30, -30, 5]], "float32")
TIES = np.array([[1, 1, 0, 2], [1, 1, 2, 2], [3, 0, 0, 0], [3, 0, 0, 0]], "float32").reshape(1, 4, 4, 1)

core = [
    *[Case(f"Dense {a}", lambda a=a: L.Dense(3, activation=a), (2, 4)) for a in ["linear", "relu", "sigmoid", "tanh", "softmax", "gelu"]],
    Case("Dense without bias", lambda: L.Dense(3, use_bias=False), (2, 4)),
    Case("Dense rank 3", lambda: L.Dense(2, activation="tanh"), (2, 3, 4), masks=[bools("110", "111")]),
    *[Case(f"Activation {a}", lambda a=a: L.Activation(a), EDGES) for a in ACTIVATIONS],
    Case("Activation mask", lambda: L.Activation("tanh"), (2, 3, 2), masks=[bools("100", "111")]),
    Case("Dropout at inference", lambda: L.Dropout(0.5), (2, 3, 2), masks=[bools("100", "111")]),
    Case("Flatten", lambda: L.Flatten(), (2, 3, 2), masks=[bools("100", "111")]),
    Case("Flatten rank 1", lambda: L.Flatten(), (3,)),
    Case("Reshape", lambda: L.Reshape((3, -1)), (2, 6, 2), masks=[bools("100000", "111111")]),
    Case("Concatenate", lambda: L.Concatenate(), (2, 3), (2, 2)),
    Case("Concatenate axis 1", lambda: L.Concatenate(axis=1), (2, 2, 3), (2, 1, 3)),
    Case("Concatenate masks", lambda: L.Concatenate(), (2, 3, 1), (2, 3, 2), masks=[bools("100", "110"), bools("010", "110")]),
    Case("Concatenate masks axis 1", lambda: L.Concatenate(axis=1), (2, 3, 2), (2, 2, 2), masks=[bools("100", "110"), None]),
    Case("Embedding", lambda: L.Embedding(5, 3), ints([[1, 2, 0], [4, 1, 1]])),
    Case("Embedding mask zero", lambda: L.Embedding(5, 3, mask_zero=True), ints([[1, 0, 0], [4, 1, 0]])),
]

IMAGE = (1, 5, 6, 2)
images = [
    Case("Conv2D", lambda: L.Conv2D(3, 3), IMAGE),
    Case("Conv2D relu without bias", lambda: L.Conv2D(2, (2, 3), activation="relu", use_bias=False), IMAGE),
    Case("Conv2D same", lambda: L.Conv2D(2, 3, padding="same"), IMAGE),
    Case("Conv2D strides", lambda: L.Conv2D(2, 3, strides=(2, 1)), IMAGE),
    Case("Conv2D same strides", lambda: L.Conv2D(2, 3, padding="same", strides=2), IMAGE),
    Case("Conv2D even kernel same strides", lambda: L.Conv2D(2, (2, 4), padding="same", strides=2), IMAGE),
    Case("Conv2D even kernel same", lambda: L.Conv2D(2, 2, padding="same"), IMAGE),
    Case("Conv2D dilation", lambda: L.Conv2D(2, (2, 3), dilation_rate=2), IMAGE),
    Case("Conv2D same dilation", lambda: L.Conv2D(2, 3, dilation_rate=(2, 1), padding="same"), IMAGE),
    Case("Conv2D groups", lambda: L.Conv2D(4, 2, groups=2), (1, 4, 3, 4)),
    Case("Conv2D depthwise same", lambda: L.Conv2D(4, 3, groups=2, padding="same"), (1, 4, 3, 2)),
    Case("MaxPooling2D", lambda: L.MaxPooling2D(), IMAGE),
    Case("MaxPooling2D same", lambda: L.MaxPooling2D(padding="same"), IMAGE),
    Case("MaxPooling2D overlapping", lambda: L.MaxPooling2D(3, strides=(1, 2)), IMAGE),
    Case("MaxPooling2D overlapping same", lambda: L.MaxPooling2D((3, 2), strides=1, padding="same"), IMAGE),
    Case("MaxPooling2D ties", lambda: L.MaxPooling2D(), TIES),
    Case("MaxPooling2D overlapping ties", lambda: L.MaxPooling2D(3, strides=1), TIES),
    Case("AveragePooling2D", lambda: L.AveragePooling2D(2), IMAGE),
    Case("AveragePooling2D same", lambda: L.AveragePooling2D(2, padding="same"), IMAGE),
    Case("AveragePooling2D overlapping same", lambda: L.AveragePooling2D(3, strides=(2, 1), padding="same"), IMAGE),
    Case("GlobalAveragePooling2D", lambda: L.GlobalAveragePooling2D(), IMAGE),
    Case("Conv2D mask", lambda: L.Conv2D(1, 1), (1, 2, 2, 1), masks=[bools("10")]),
    Case("AveragePooling2D mask", lambda: L.AveragePooling2D(1), (1, 2, 2, 1), masks=[bools("10")]),
    Case("GlobalAveragePooling2D mask", lambda: L.GlobalAveragePooling2D(), (1, 2, 2, 1), masks=[bools("10")]),
]

normalization = [
    Case("BatchNormalization training", lambda: L.BatchNormalization(), (4, 3), training=True),
    Case("BatchNormalization image training", lambda: L.BatchNormalization(momentum=0.9, epsilon=0.01), (2, 3, 2, 3), training=True),
    Case("BatchNormalization axis 1 training", lambda: L.BatchNormalization(axis=1), (3, 2, 4), training=True),
    Case("BatchNormalization without scale and center training", lambda: L.BatchNormalization(scale=False, center=False), (4, 3), training=True),
    Case("BatchNormalization mask training", lambda: L.BatchNormalization(), (3, 4, 2), masks=[bools("1100", "1111", "0010")], training=True),
    Case("BatchNormalization frozen training", lambda: L.BatchNormalization(trainable=False), (4, 3), training=True),
    Case("BatchNormalization", lambda: L.BatchNormalization(), (4, 3)),
    Case("BatchNormalization axis 1", lambda: L.BatchNormalization(axis=1), (2, 3, 2)),
    Case("BatchNormalization without scale", lambda: L.BatchNormalization(scale=False), (4, 3)),
    Case("BatchNormalization without center", lambda: L.BatchNormalization(center=False), (4, 3)),
    Case("BatchNormalization mask", lambda: L.BatchNormalization(), (2, 3, 2), masks=[bools("110", "111")]),
    Case("LayerNormalization", lambda: L.LayerNormalization(), (2, 3, 4), masks=[bools("110", "111")]),
    Case("LayerNormalization axis 1", lambda: L.LayerNormalization(axis=1), (2, 3, 4)),
    Case("LayerNormalization axes", lambda: L.LayerNormalization(axis=[1, 2]), (2, 3, 4)),
    Case("LayerNormalization axes apart", lambda: L.LayerNormalization(axis=[1, 3]), (2, 3, 2, 2)),
    Case("LayerNormalization without scale and center", lambda: L.LayerNormalization(scale=False, center=False, epsilon=1e-5), (2, 4)),
]

SEQUENCE = (2, 4, 3)
LEFT, RIGHT, MIDDLE = bools("0011", "1111"), bools("1100", "1110"), bools("1010", "0110")
RNNS = {"SimpleRNN": (L.SimpleRNN, 1), "LSTM": (L.LSTM, 2), "GRU": (L.GRU, 1), "GRU reset before": (lambda u, **o: L.GRU(u, reset_after=False, **o), 1)}


def rnn_cases(name, make, n):
    """What every recurrent layer is asked. States that are given and masked steps meet in `unroll` only, where all of Keras's backends agree."""
    begin = [(2, 2)] * n
    gates = {} if name == "SimpleRNN" else {"recurrent_activation": "tanh"}
    yield Case(name, lambda: make(2), SEQUENCE)
    yield Case(f"{name} sequences", lambda: make(2, return_sequences=True), SEQUENCE)
    yield Case(f"{name} without bias", lambda: make(2, use_bias=False), SEQUENCE)
    yield Case(f"{name} other activations", lambda: make(2, activation="softplus", **gates), SEQUENCE)
    yield Case(f"{name} backwards", lambda: make(2, go_backwards=True, return_sequences=True, return_state=True), SEQUENCE)
    yield Case(f"{name} state", lambda: make(2, return_state=True), SEQUENCE, states=begin)
    yield Case(f"{name} left padding", lambda: make(2, return_sequences=True, return_state=True), SEQUENCE, masks=[LEFT])
    yield Case(f"{name} right padding", lambda: make(2, return_state=True), SEQUENCE, masks=[RIGHT])
    yield Case(f"{name} middle padding", lambda: make(2, return_sequences=True), SEQUENCE, masks=[MIDDLE])
    yield Case(f"{name} padding backwards", lambda: make(2, return_sequences=True, go_backwards=True), SEQUENCE, masks=[RIGHT])
    yield Case(f"{name} padding and state", lambda: make(2, return_sequences=True, return_state=True, unroll=True), SEQUENCE, masks=[LEFT], states=begin)


lstm = lambda **o: L.LSTM(2, **o)
recurrent = [
    *[case for name, (make, n) in RNNS.items() for case in rnn_cases(name, make, n)],
    *[Case(f"Bidirectional {mode}", lambda m=mode: L.Bidirectional(lstm(), merge_mode=m), SEQUENCE) for mode in ["concat", "sum", "ave", "mul", None]],
    *[Case(f"Bidirectional {mode} sequences", lambda m=mode: L.Bidirectional(lstm(return_sequences=True), merge_mode=m), SEQUENCE) for mode in ["concat", "mul", None]],
    Case("Bidirectional state", lambda: L.Bidirectional(lstm(return_state=True)), SEQUENCE, states=[(2, 2)] * 4),
    Case("Bidirectional sequences state", lambda: L.Bidirectional(L.GRU(2, return_sequences=True, return_state=True), merge_mode=None), SEQUENCE, states=[(2, 2)] * 2),
    Case("Bidirectional mask", lambda: L.Bidirectional(L.GRU(2)), SEQUENCE, masks=[RIGHT]),
    Case("Bidirectional sequences mask", lambda: L.Bidirectional(lstm(return_sequences=True)), SEQUENCE, masks=[MIDDLE]),
    Case("Bidirectional sequences state mask", lambda: L.Bidirectional(lstm(return_sequences=True, return_state=True)), SEQUENCE, masks=[LEFT], states=[(2, 2)] * 4),
    Case("Bidirectional two layers", lambda: L.Bidirectional(L.SimpleRNN(2), backward_layer=L.SimpleRNN(3, go_backwards=True)), SEQUENCE),
]
