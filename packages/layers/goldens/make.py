"""
Records what Keras computes, for the tests beside this file.

    pip install keras==3.15.1 jax torch safetensors
    python make.py [core images normalization recurrent initializers losses metrics optimizers summaries]
    KERAS_BACKEND=torch python make.py [training]

Every number is float32, from Keras on a CPU; nothing is downloaded, and the same files come out again. JAX records everything
but whole runs: in an epoch of training its metrics do not see the masks that they see in an evaluation, and on other backends.
"""

import os

from record import main, record_all
import keras
import initializers
import layer_cases
import losses
import optimizers
import summaries
import training

JAX = {
    "core": lambda: record_all(layer_cases.core),
    "images": lambda: record_all(layer_cases.images),
    "normalization": lambda: record_all(layer_cases.normalization),
    "recurrent": lambda: record_all(layer_cases.recurrent),
    "initializers": initializers.initializers,
    "losses": losses.losses,
    "metrics": losses.metrics,
    "optimizers": optimizers.optimizers,
    "summaries": summaries.summaries,
}
TORCH = {"training": training.training}

main(os.path.dirname(os.path.abspath(__file__)), {"jax": JAX, "torch": TORCH}[keras.backend.backend()])
