/** For every op, the samples that checkOp takes it through, and autograd's suite to second order. */
import * as ops from '@heed/tensor';
import { tensor, type Like, type Tensor } from '@heed/tensor';
import { attentionGradientOp, attentionOp } from '@heed/tensor/attention';
import { layerNormGradientOp, layerNormOp } from '@heed/tensor/layer-norm';
import { logsumexpOp } from '@heed/tensor/reduce';
import { logSoftmaxGradientOp, softmaxGradientOp } from '@heed/tensor/softmax';
import { maxPoolGradientOp, maxPoolOp } from '@heed/tensor/pool';
import { reluGradientOp } from '@heed/tensor/unary';
import { foldOp, windowsOp } from '@heed/tensor/windows';
import { gruGates, gruStepOp, lstmGates, lstmStepOp } from '@heed/tensor/recurrent';
import { randomOp } from '@heed/tensor/random';
import type { CheckOptions, Sample } from './check-op.js';

export interface Row {
  readonly name: string;
  readonly op: object;
  readonly samples: readonly Sample[];
  readonly options?: CheckOptions;
}

/** Numbers spread over [low, high] in no simple order, none of them special. */
const spread = (shape: readonly number[], low = -2, high = 2, phase = 0.37): Tensor => {
  const n = shape.reduce((p, q) => p * q, 1);
  return tensor(Float32Array.from({ length: n }, (_, i) => low + (high - low) * ((i * 0.6180339887 + phase) % 1)), { shape });
};
const ints = (shape: readonly number[], n: number): Tensor => tensor(Int32Array.from({ length: shape.reduce((p, q) => p * q, 1) }, (_, i) => (i * 7 + 3) % n), { shape });
const bools = (shape: readonly number[]): Tensor => tensor(Uint8Array.from({ length: shape.reduce((p, q) => p * q, 1) }, (_, i) => (i * 5 + 1) % 3 === 0 ? 1 : 0), { shape });

const one = (low: number, high: number): Sample[] => [[spread([2, 1, 3], low, high)], [spread([0, 3])], [spread([37], low, high, 0.11)]];
const two = (low: number, high: number): Sample[] => [
  [spread([2, 1, 3], low, high), spread([4, 3], low, high, 0.71)], [spread([0, 3]), spread([3], low, high)], [spread([5], low, high), spread([], low, high, 0.9)],
];
const withA = (samples: readonly Sample[], a: unknown): Sample[] => samples.map((s) => ({ x: s as readonly Like[], a }));

const unary = (low: number, high: number, ...names: (keyof typeof ops)[]): Row[] => names.map((name) => ({ name, op: ops[name] as object, samples: one(low, high) }));
const binary = (low: number, high: number, ...names: (keyof typeof ops)[]): Row[] => names.map((name) => ({ name, op: ops[name] as object, samples: [...two(low, high), [ints([2, 1, 3], 5), ints([4, 3], 4)], [spread([3, 41], low, high), ints([41], 5).add(1)]] }));

const reduceSamples = (zero: boolean): Sample[] => [
  { x: [spread([2, 1, 3])], a: { axes: [2], keepDims: false } }, { x: [spread([3, 4, 2])], a: { axes: [0, 2], keepDims: true } },
  { x: [ints([3, 1, 5], 4)], a: { axes: [0, 2], keepDims: true } }, { x: [spread([7, 67])], a: { axes: [1], keepDims: false } }, { x: [spread([67, 9])], a: { axes: [0], keepDims: false } },
  { x: [spread(zero ? [2, 0] : [0, 2])], a: { axes: [1], keepDims: false } }, { x: [spread([5])], a: { axes: [0], keepDims: false } },
];
/** Query, key, value (two query heads to each key head, or one), what the gradient takes besides, mask and bias of several shapes. */
const attentionSamples = (besides: readonly ('logarithm' | 'delta' | 'g')[]): Sample[] => ([
  { B: 2, T: 5, H: 4, S: 6, K: 2, reach: null }, { B: 1, T: 3, H: 2, S: 3, K: 2, reach: 0 },
  { B: 2, T: 3, H: 2, S: 5, K: 1, reach: 2, mask: tensor([true, true, false, true, true]) },
  { B: 1, T: 4, H: 1, S: 5, K: 1, reach: null, mask: tensor([[true], [true], [true], [true]]), bias: spread([1, 1, 4, 5]) },
  { B: 2, T: 2, H: 2, S: 4, K: 2, reach: 2, bias: spread([2, 1, 4]) }, { B: 1, T: 0, H: 2, S: 3, K: 1, reach: null },
] as { B: number; T: number; H: number; S: number; K: number; reach: number | null; mask?: Tensor; bias?: Tensor }[]).map(({ B, T, H, S, K, reach, mask, bias }) => {
  const [D, V] = [3, 2];
  const more = { logarithm: spread([B, H, T], 1, 2), delta: spread([B, H, T], -1, 1, 0.2), g: spread([B, T, H, V], -1, 1, 0.6) };
  const extras = [mask, bias].filter((x): x is Tensor => x !== undefined);
  return {
    x: [spread([B, T, H, D], -1, 1), spread([B, S, K, D], -1, 1, 0.8), spread([B, S, K, V], -1, 1, 0.1), ...besides.map((name) => more[name]), ...extras],
    a: { scale: 0.7, reach, masked: mask !== undefined, biased: bias !== undefined, ...(besides.length ? { needBias: bias !== undefined && bias.rank === 3 } : {}) },
  };
});
const images = { rank3: 'images have rank 4' };

export const samples: readonly Row[] = [
  ...unary(-2, 2, 'neg', 'abs', 'square', 'exp', 'expm1', 'sin', 'cos', 'arctan', 'sinh', 'cosh', 'tanh', 'arcsinh', 'erf', 'sigmoid', 'softplus', 'silu', 'relu'),
  ...unary(0.2, 3, 'reciprocal', 'sqrt', 'rsqrt', 'log', 'log1p', 'log2', 'log10'),
  ...unary(-0.9, 0.9, 'tan', 'arcsin', 'arccos', 'arctanh', 'erfinv'),
  ...unary(1.2, 3, 'arccosh', 'lgamma', 'digamma'),
  ...unary(-2, 2, 'sign', 'floor', 'ceil', 'round', 'trunc', 'logicalNot'),
  { name: 'gelu', op: ops.gelu, samples: [...withA(one(-2, 2), { approximate: false }), ...withA(one(-2, 2), { approximate: true })] },
  { name: 'clip', op: ops.clip, samples: withA(one(-2, 2), { low: -1, high: 0.83 }) },
  { name: 'cast', op: ops.cast, samples: withA(one(-2, 2), { dtype: 'float64' }) },
  ...binary(-2, 2, 'add', 'sub', 'mul', 'maximum', 'minimum', 'logaddexp'),
  ...binary(0.3, 2, 'div', 'pow', 'mod', 'arctan2', 'hypot'),
  ...binary(-2, 2, 'floorDivide', 'equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual', 'logicalAnd', 'logicalOr', 'logicalXor'),
  { name: 'where', op: ops.where, samples: [[bools([2, 1, 3]), spread([4, 3]), spread([])], [bools([0, 3]), spread([3]), spread([1, 3])]] },
  { name: 'sum', op: ops.sum, samples: reduceSamples(true) },
  ...(['max', 'min'] as const).map((name) => ({ name, op: ops[name], samples: reduceSamples(false) })),
  ...(['any', 'all', 'argmax', 'argmin'] as const).map((name) => ({ name, op: ops[name], samples: reduceSamples(false) })),
  { name: 'logsumexp', op: logsumexpOp, samples: reduceSamples(false).filter((s) => 'x' in s && (s.x[0] as Tensor).dtype !== 'int32') },
  { name: 'broadcastTo', op: ops.broadcastTo, samples: [{ x: [spread([2, 1, 3])], a: { shape: [2, 4, 3] } }, { x: [spread([1, 3])], a: { shape: [0, 3] } }, { x: [spread([0, 1])], a: { shape: [0, 2] } }] },
  { name: 'reshape', op: ops.reshape, samples: [{ x: [spread([2, 1, 3])], a: { shape: [3, 2] } }, { x: [spread([0, 3])], a: { shape: [2, 0] } }] },
  { name: 'transpose', op: ops.transpose, samples: [{ x: [spread([2, 1, 3])], a: { axes: [2, 0, 1] } }, { x: [spread([0, 3])], a: { axes: [1, 0] } }] },
  { name: 'slice', op: ops.slice, samples: [{ x: [spread([4, 1, 5])], a: { start: [1, 0, 4], step: [2, 1, -2], shape: [2, 1, 3] } }, { x: [spread([0, 3])], a: { start: [0, 1], step: [1, 1], shape: [0, 2] } }] },
  { name: 'place', op: ops.pad, samples: [{ x: [spread([2, 1, 3])], a: { start: [1, 0, 4], step: [2, 1, -2], shape: [4, 2, 5], value: 1.5 } }, { x: [spread([0, 3])], a: { start: [1, 0], step: [1, 1], shape: [2, 4], value: 0 } }] },
  { name: 'split', op: ops.split, samples: [{ x: [spread([2, 4, 3])], a: { axis: 1, sizes: [1, 3] } }, { x: [spread([4, 1])], a: { axis: 0, sizes: [2, 0, 2] } }, { x: [spread([0, 4])], a: { axis: 1, sizes: [2, 2] } }] },
  { name: 'concat', op: ops.concat, samples: [{ x: [spread([2, 1, 3]), spread([2, 2, 3], -1, 1, 0.2)], a: { axis: 1 } }, { x: [spread([0, 3]), spread([2, 3])], a: { axis: 0 } }, { x: [spread([5, 1]), spread([5, 2]), spread([5, 1])], a: { axis: 1 } }] },
  { name: 'matmul', op: ops.matmul, samples: [[spread([2, 1, 3]), spread([2, 3, 4])], [spread([2, 1, 4, 3]), spread([5, 3, 2])], [spread([0, 3]), spread([3, 2])], [spread([2, 0]), spread([0, 3])], [spread([9, 17]), spread([17, 13])]] },
  { name: 'attention', op: attentionOp, samples: attentionSamples([]), options: { without: { rank3: 'operands have rank 4' } } },
  { name: 'attentionGradient', op: attentionGradientOp, samples: attentionSamples(['logarithm', 'delta', 'g']), options: { without: { rank3: 'operands have rank 4' } } },
  ...(['softmax', 'logSoftmax'] as const).map((name) => ({
    name, op: ops[name],
    samples: [{ x: [spread([2, 1, 3])], a: { axis: 2 } }, { x: [spread([3, 4, 2])], a: { axis: 1 } }, { x: [spread([0, 3])], a: { axis: 1 } }, { x: [spread([4, 5]), bools([4, 5])], a: { axis: 1 } }, { x: [spread([2, 3]), tensor([[false, false, false], [true, false, true]])], a: { axis: 1 } }, { x: [spread([2, 4, 3]), bools([4, 1])], a: { axis: 2 } }],
  })),
  ...([['softmaxGradient', softmaxGradientOp], ['logSoftmaxGradient', logSoftmaxGradientOp]] as const).map(([name, op]) => ({
    name, op, options: { without: { broadcast: 'y and g have the shape of x' } },
    samples: [{ x: [spread([2, 1, 3], -2, 0), spread([2, 1, 3], -1, 1)], a: { axis: 2 } }, { x: [spread([3, 4, 2], -2, 0), spread([3, 4, 2], -1, 1)], a: { axis: 1 } }, { x: [spread([0, 3]), spread([0, 3])], a: { axis: 1 } },
      ...(name === 'softmaxGradient' ? [] : [{ x: [spread([4, 5], -2, 0), spread([4, 5], -1, 1), bools([4, 5])], a: { axis: 1 } }, { x: [spread([3, 4, 5], -2, 0), spread([3, 4, 5], -1, 1), bools([4, 1])], a: { axis: 1 } }])],
  })),
  {
    name: 'layerNorm', op: layerNormOp,
    samples: [[true, true], [true, false], [false, true], [false, false]].flatMap(([scaled, shifted]) => [[2, 1, 3], [3, 9], [5], [0, 3]].map((shape) => ({
      x: [spread(shape), ...(scaled ? [spread(shape.slice(-1), 0.5, 2, 0.2)] : []), ...(shifted ? [spread(shape.slice(-1), -1, 1, 0.8)] : [])], a: { epsilon: 0.01, scaled, shifted },
    }))),
  },
  {
    name: 'layerNormGradient', op: layerNormGradientOp,
    samples: [[true, true], [true, false], [false, true], [false, false]].flatMap(([scaled, parameters]) => [[2, 1, 3], [3, 9], [5], [0, 3]].map((shape) => ({
      x: [spread(shape), spread(shape.slice(0, -1), -1, 1), spread(shape.slice(0, -1), 0.5, 2), spread(shape, -1, 1, 0.6), ...(scaled ? [spread(shape.slice(-1), 0.5, 2, 0.2)] : [])], a: { scaled, parameters },
    }))),
  },
  { name: 'gather', op: ops.gather, samples: [{ x: [spread([2, 4, 3]), ints([2, 1], 4)], a: { axis: 1 } }, { x: [spread([4, 3]), ints([0], 4)], a: { axis: 0 } }] },
  { name: 'scatterAdd', op: ops.scatterAdd, samples: [{ x: [spread([2, 4, 3]), ints([2, 1], 4), spread([2, 2, 1, 3])], a: { axis: 1 } }, { x: [spread([4, 3]), ints([5], 2), spread([5, 3])], a: { axis: 0 } }, { x: [spread([4, 3]), ints([0], 4), spread([0, 3])], a: { axis: 0 } }] },
  { name: 'argsort', op: ops.argsort, samples: [{ x: [spread([2, 1, 3])], a: { axis: 2, descending: false } }, { x: [spread([3, 7, 2])], a: { axis: 1, descending: true } }, { x: [ints([4, 3], 5)], a: { axis: 0, descending: false } }, { x: [spread([0, 3])], a: { axis: 1, descending: false } }] },
  { name: 'cumsum', op: ops.cumsum, samples: [{ x: [spread([2, 1, 3])], a: { axis: 2, reverse: false } }, { x: [spread([3, 4])], a: { axis: 0, reverse: true } }, { x: [ints([3, 4], 9)], a: { axis: 1, reverse: true } }, { x: [spread([0, 3])], a: { axis: 1, reverse: false } }] },
  { name: 'windows', op: windowsOp, samples: [{ x: [spread([2, 5, 4, 1])], a: { kernel: [3, 2], strides: [1, 2], dilation: [1, 2] } }, { x: [spread([0, 3, 3, 2])], a: { kernel: [2, 2], strides: [1, 1], dilation: [1, 1] } }], options: { without: images } },
  { name: 'fold', op: foldOp, samples: [{ x: [spread([2, 3, 1, 3, 2, 1])], a: { kernel: [3, 2], strides: [1, 2], dilation: [1, 2], shape: [2, 5, 4, 1] } }, { x: [spread([0, 2, 2, 2, 2, 2])], a: { kernel: [2, 2], strides: [1, 1], dilation: [1, 1], shape: [0, 3, 3, 2] } }] },
  { name: 'reluGradient', op: reluGradientOp, samples: [[spread([2, 1, 3], 0.1, 2), spread([2, 1, 3])], [spread([4, 3], 0.1, 2), spread([3])], [spread([0, 3]), spread([0, 3])]] },
  { name: 'maxPool', op: maxPoolOp, samples: [{ x: [spread([2, 5, 4, 1])], a: { kernel: [3, 2], strides: [1, 2], dilation: [1, 2] } }, { x: [spread([0, 3, 3, 2])], a: { kernel: [2, 2], strides: [1, 1], dilation: [1, 1] } }], options: { without: images } },
  { name: 'maxPoolGradient', op: maxPoolGradientOp, samples: [{ x: [spread([2, 5, 4, 5]), spread([2, 3, 1, 5], -1, 1)], a: { kernel: [3, 2], strides: [1, 2], dilation: [1, 2] } }, { x: [spread([1, 4, 4, 1]), spread([1, 2, 2, 1], -1, 1)], a: { kernel: [2, 2], strides: [2, 2], dilation: [1, 1] } }, { x: [spread([0, 3, 3, 2]), spread([0, 2, 2, 2])], a: { kernel: [2, 2], strides: [1, 1], dilation: [1, 1] } }], options: { without: { ...images, broadcast: 'each window has its gradient' } } },
  ...([['gruGates', gruGates, 7], ['lstmGates', lstmGates, 5]] as const).map(([name, op, n]) => ({
    name, op, samples: [[2, 1, 3], [0, 3], [9]].map((shape, i) => Array.from({ length: n }, (_, k) => spread(k % 2 && i === 0 ? [4, 3] : shape, -1.5, 1.5, 0.1 * k))),
  })),
  { name: 'gruStep', op: gruStepOp, samples: [[spread([3, 12]), spread([3, 12], -1, 1, 0.2), spread([3, 4], -1, 1, 0.5)], [spread([2, 1, 3]), spread([2, 1, 3]), spread([2, 1, 1])], [spread([0, 6]), spread([0, 6]), spread([0, 2])]] },
  { name: 'lstmStep', op: lstmStepOp, samples: [[spread([3, 16]), spread([3, 4], -1, 1, 0.5)], [spread([2, 1, 4]), spread([2, 1, 1])], [spread([0, 8]), spread([0, 2])]] },
  { name: 'random', op: randomOp, samples: (['uniform', 'normal', 'bits'] as const).flatMap((kind) => [[2, 1, 3], [0, 3], [41]].map((shape) => ({ x: [tensor(Int32Array.of(1, 2, 3))], a: { kind, shape } }))), options: { without: { rank3: 'the input is the state', size1: 'the input is the state', zero: 'the input is the state' } } },
];
