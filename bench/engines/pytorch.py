"""PyTorch beside the other engines: gets rows ready and times calls as it is told to, a JSON line in, a JSON line out."""
import array
import json
import sys
import time

import torch
import torch.nn.functional as F  # noqa: F401  (rows use it)

torch.set_num_threads(int(sys.argv[1]))
rows = {}


def read(path, shape, channels_last):
    with open(path, 'rb') as file:
        x = torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(shape)
    return x.clone(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def function(f, x, gradients):
    """What gives the results, and what is timed."""
    if not gradients:
        return lambda: [f(*x)], lambda: f(*x)
    given, cotangent = x[:-1], x[-1]
    wanted = [v.requires_grad_() for v in given[:gradients]]

    def both():
        y = f(*given)
        return [y, *torch.autograd.grad(y, wanted, cotangent)]

    return both, both


def training(f, x, count, epsilon):
    weights, (batch, target) = [v.requires_grad_() for v in x[:count]], x[count:]
    optimizer = torch.optim.Adam(weights, lr=0.001, eps=epsilon, fused=True)

    def step():
        optimizer.zero_grad()
        loss = f(weights, batch, target)
        loss.backward()
        optimizer.step()
        return loss

    def check():
        gradients = torch.autograd.grad(f(weights, batch, target), weights)
        return [torch.tensor([step().item() for _ in range(3)]), *gradients]

    return check, step


def prepare(name, source, operands, gradients, weights, epsilon):
    if source.startswith('def f('):
        scope = {}
        exec(source, globals(), scope)
        f = scope['f']
    else:
        f = eval(source)
    x = [read(**o) for o in operands]
    results, call = function(f, x, gradients) if weights is None else training(f, x, weights, epsilon)
    rows[name] = results, call, torch.enable_grad if gradients or weights else torch.inference_mode
    return {}


def results(name, path):
    sizes = []
    compute, _, mode = rows[name]
    with open(path, 'wb') as file, mode():
        for y in compute():
            flat = array.array('f', y.detach().contiguous().flatten().tolist())
            sizes.append(len(flat))
            flat.tofile(file)
    return {'sizes': sizes}


def measure(name, calls):
    _, call, mode = rows[name]
    with mode():
        began = time.perf_counter()
        for _ in range(calls):
            call()
        return {'ms': (time.perf_counter() - began) * 1000}


def drop(name):
    rows.pop(name, None)
    return {}


print(json.dumps({'version': torch.__version__, 'threads': torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {'prepare': prepare, 'results': results, 'measure': measure, 'drop': drop}[request.pop('do')](**request)
    except Exception as error:
        answer = {'error': f'{type(error).__name__}: {error}'}
    print(json.dumps(answer), flush=True)
