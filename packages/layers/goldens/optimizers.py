"""The optimizers that are recorded: five steps from the same variables v along the same gradients g; after each, the variables and their slots."""

from record import generator
import numpy as np
from keras import Variable
from keras.optimizers import SGD, Adam, RMSprop
from keras.optimizers.schedules import ExponentialDecay

STEPS = 5
SHAPES = [(2, 3), (3,)]

# What every optimizer is also asked for.
extras = {
    "weight decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.5},
    "global clipnorm": {"global_clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "schedule": {"learning_rate": lambda: ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)},
    "schedule and weight decay": {"learning_rate": lambda: ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5), "weight_decay": 0.1},
}
cases = {
    "SGD": (SGD, {}),
    "SGD momentum": (SGD, {"momentum": 0.9}),
    "SGD nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    "RMSprop": (RMSprop, {}),
    "RMSprop rho": (RMSprop, {"rho": 0.5, "epsilon": 1e-3}),
    "RMSprop momentum": (RMSprop, {"momentum": 0.9}),
    "RMSprop centered": (RMSprop, {"centered": True}),
    "RMSprop centered momentum": (RMSprop, {"centered": True, "momentum": 0.9}),
    "Adam": (Adam, {}),
    "Adam betas": (Adam, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    "Adam amsgrad": (Adam, {"amsgrad": True}),
    "Adam amsgrad weight decay": (Adam, {"amsgrad": True, "weight_decay": 0.1}),
    **{f"{name} {title}": (make, o) for name, make in [("SGD", SGD), ("RMSprop", RMSprop), ("Adam", Adam)] for title, o in extras.items()},
}


def optimizers():
    rng = generator("optimizers")
    begin = [rng.normal(size=s).astype("float32") for s in SHAPES]
    gradients = [rng.normal(size=(STEPS, *s)).astype("float32") for s in SHAPES]
    gradients[1][2] = 0  # a gradient of zeros has a norm of 0
    tensors = {f"given/{k}{i}": v for k, vs in {"v": begin, "g": gradients}.items() for i, v in enumerate(vs)}
    for name, (make, o) in cases.items():
        rate = o.get("learning_rate", 0.1)
        optimizer = make(**{**o, "learning_rate": rate() if callable(rate) else rate})
        variables = [Variable(v, name=f"v{i}") for i, v in enumerate(begin)]
        optimizer.build(variables)
        state = [*variables, *[v for v in optimizer.variables if v.name not in ("iteration", "learning_rate")]]
        seen = [[] for _ in state]
        for step in range(STEPS):
            optimizer.apply([g[step] for g in gradients], variables)
            for v, values in zip(state, seen):
                values.append(np.asarray(v.value))
        for v, values in zip(state, seen):
            tensors[f"{name}/{v.name}"] = np.stack(values)
    return tensors
