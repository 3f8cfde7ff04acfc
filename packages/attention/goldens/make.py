"""
Records what Keras's attention layers and PyTorch's scaled dot-product attention compute, for the tests beside this file.

    pip install keras==3.15.1 jax torch safetensors
    python make.py [layers scaled]

Every number is float32, from Keras on JAX's CPU backend and from PyTorch's CPU; nothing is downloaded, and the same files come
out again. No row is fully masked where Keras would attend evenly to padding: heed gives 0 there.
"""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "layers", "goldens"))

from record import Case, bools, generator, main, record_all
from keras import layers as L
import numpy as np
import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention

Q, V = (2, 3, 4), (2, 5, 4)
QUERY_MASK, VALUE_MASK = bools("110", "111"), bools("11100", "01111")
SCORES = {"return_attention_scores": True}


def scored(name, make):
    """What Attention and AdditiveAttention are both asked."""
    yield Case(name, make, Q, V)
    yield Case(f"{name} key", make, Q, (2, 5, 3), V)
    yield Case(f"{name} causal", make, Q, V, use_causal_mask=True, **SCORES)
    yield Case(f"{name} masks", make, Q, V, masks=[QUERY_MASK, VALUE_MASK], **SCORES)
    yield Case(f"{name} masks and causal", make, Q, V, (2, 5, 4), masks=[QUERY_MASK, bools("11100", "11110"), None], use_causal_mask=True)


def multi_head(layer, query, value, key=None, **o):
    return layer(query, value, key=key, **o)


heads = lambda **o: lambda: L.MultiHeadAttention(2, 3, **o)


def many(name, make, *inputs, **o):
    return Case(f"MultiHeadAttention {name}".strip(), make, *inputs, apply=multi_head, **o)


layers = [
    *scored("Attention", lambda: L.Attention()),
    Case("Attention scaled", lambda: L.Attention(use_scale=True), Q, V, **SCORES),
    *scored("Attention concat", lambda: L.Attention(score_mode="concat")),
    Case("Attention concat scaled", lambda: L.Attention(score_mode="concat", use_scale=True), Q, V, **SCORES),
    *scored("AdditiveAttention", lambda: L.AdditiveAttention()),
    Case("AdditiveAttention without scale", lambda: L.AdditiveAttention(use_scale=False), Q, V, **SCORES),
    many("", heads(), Q, Q),
    many("cross", heads(), Q, (2, 5, 6)),
    many("key", heads(), Q, (2, 5, 6), (2, 5, 3)),
    many("scores", heads(), Q, V, **SCORES),
    many("value dim", heads(value_dim=4), Q, V, **SCORES),
    many("output shape", heads(output_shape=5), Q, V),
    many("without bias", heads(use_bias=False), Q, V),
    many("causal", heads(), Q, Q, use_causal_mask=True),
    many("causal cross scores", heads(), Q, V, use_causal_mask=True, **SCORES),
    many("attention mask", heads(), Q, V, attention_mask=np.stack([bools("11100", "01110", "10001"), bools("10000", "11111", "01010")])),
    many("attention mask for each head", heads(), Q, V, attention_mask=np.stack([bools("11100", "01110", "10001"), bools("10000", "11111", "01010")] * 2).reshape(2, 2, 3, 5), **SCORES),
    many("attention mask and causal", heads(), Q, Q, attention_mask=bools("111", "010", "110")[None], use_causal_mask=True),
    many("value mask", heads(), Q, V, masks=[None, VALUE_MASK]),
    many("query, value and key masks", heads(), Q, V, V, masks=[QUERY_MASK, VALUE_MASK, bools("11111", "01100")], **SCORES),
    many("every mask", heads(), Q, V, masks=[QUERY_MASK, bools("11110", "11111")], attention_mask=bools("11010", "10111", "01110")[None], use_causal_mask=True, **SCORES),
]


def record_layers():
    names = {}
    for case in layers:
        layer = case.make()
        case.apply(layer, *[np.zeros(s, "float32") for s in case.inputs], **case.call)
        names[case.name] = [w.path.split("/", 1)[1] for w in layer.weights]
    return record_all(layers), names


# name: (key heads, arguments). Shapes are [B, T, H, D]; PyTorch has the heads before the time.
MASK = np.stack([bools("11100", "01110", "10001"), bools("10000", "11111", "01010")])[:, None]
scaled = {
    "plain": (2, {}),
    "scale": (2, {"scale": 0.3}),
    "causal": (2, {"is_causal": True}),
    "lower-right": (2, {"attn_mask": "lower-right"}),
    "mask": (2, {"attn_mask": MASK}),
    "bias": (2, {"attn_mask": generator("bias").normal(size=(2, 2, 3, 5)).astype("float32")}),
    "one key head": (1, {"enable_gqa": True}),
    "grouped heads": (2, {"enable_gqa": True, "attn_mask": MASK}),
}


def record_scaled():
    tensors = {}
    for name, (key_heads, o) in scaled.items():
        rng = generator(name)
        heads = 4 if "enable_gqa" in o else key_heads
        shapes = [(2, 3, heads, 3), (2, 5, key_heads, 3), (2, 5, key_heads, 2)]
        q, k, v = [torch.tensor(rng.normal(size=s).astype("float32"), requires_grad=True) for s in shapes]
        mask = o.get("attn_mask")
        given = {**o, "attn_mask": causal_lower_right(3, 5) if isinstance(mask, str) else None if mask is None else torch.tensor(mask)}
        y = scaled_dot_product_attention(*[x.transpose(1, 2) for x in (q, k, v)], **given).transpose(1, 2)
        g = torch.tensor(rng.normal(size=y.shape).astype("float32"))
        y.backward(g)
        named = {"x": [q, k, v], "y": [y], "g": [g], "gx": [q.grad, k.grad, v.grad]}
        tensors.update({f"{name}/{n}{i}": t.detach().numpy() for n, ts in named.items() for i, t in enumerate(ts)})
        if isinstance(mask, np.ndarray):
            tensors[f"{name}/mask"] = mask
    return tensors


main(here, {"layers": record_layers, "scaled": record_scaled})
