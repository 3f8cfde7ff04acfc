"""
Records what Keras computes, for the tests beside this file.

    pip install keras==3.15.1 jax safetensors
    python make.py [core images normalization recurrent losses metrics optimizers training]

Every number is float32, from Keras on JAX's CPU backend; nothing is downloaded, and the same files come out again.
"""

import os

from record import main, record_all
import layer_cases
import losses
import optimizers

FILES = {
    "core": lambda: record_all(layer_cases.core),
    "images": lambda: record_all(layer_cases.images),
    "normalization": lambda: record_all(layer_cases.normalization),
    "recurrent": lambda: record_all(layer_cases.recurrent),
    "losses": losses.losses,
    "metrics": losses.metrics,
    "optimizers": optimizers.optimizers,
}

main(os.path.dirname(os.path.abspath(__file__)), FILES)
