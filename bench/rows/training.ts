/** What does a step of training with Adam take? */
import { gelu, mean, type Tensor, type Variable } from '@heed/tensor';
import { categoricalCrossentropy, Conv2D, Dense, Flatten, LayerNormalization, LSTM, MaxPooling2D, meanSquaredError, Sequential, type Layer } from '@heed/layers';
import { TransformerDecoder, TransformerEncoder } from '@heed/attention/transformer';
import { empty, type Floors, type Operand, type Rival, type TrainingRow } from '../row.js';
import { jaxCrossentropy, jaxLayerNorm, jaxSquaredError, tfjsAttention, tfjsGelu, tfjsLayerNorm } from './parts.js';

/** Weights drawn small enough for their fan-in; PyTorch holds matrices the other way round. */
const kernel = (seed: number, shape: readonly number[], fanIn: number, other: readonly number[] = [1, 0]): Operand => ({ shape, seed, scale: 1 / Math.sqrt(fanIn), other });
const bias = (seed: number, ...shape: number[]): Operand => ({ shape, seed, scale: 0.1 });

/** A model of layers, built by its first call. */
function model(layer: Layer, loss: (y: Tensor, z: Tensor) => Tensor): ReturnType<TrainingRow['heed']> {
  return {
    variables: (x: Tensor): readonly Variable[] => (layer.apply(x), layer.trainableWeights),
    loss: (x, y) => mean(loss(y, layer.apply(x, { training: true }))),
  };
}
const crossentropy = (y: Tensor, z: Tensor): Tensor => categoricalCrossentropy(y, z, { fromLogits: true });

const common = { kind: 'training', tolerance: 1e-3 } as const;

/** Three layers with biases, ReLU between them. */
export const mlpOf = ([I, J, K, L]: readonly [number, number, number, number], B: number, floors: Floors): TrainingRow => ({
  ...common,
  name: `Adam step, MLP ${[I, J, K, L].join('-')}, batch ${B}`,
  floors,
  otherFor: ['torch'],
  weights: [kernel(1, [I, J], I), bias(2, J), kernel(3, [J, K], J), bias(4, K), kernel(5, [K, L], K), bias(6, L)],
  batch: [{ shape: [B, I], seed: 7 }, { shape: [B, L], seed: 8, oneHot: true }],
  heed: () => model(new Sequential([new Dense(J, { activation: 'relu' }), new Dense(K, { activation: 'relu' }), new Dense(L)]), crossentropy),
  tfjs(tf, w, x, y) {
    const dense = (v: Rival, i: number, activation?: string) => tf.fused.matMul({ a: v, b: w[i], bias: w[i + 1], activation });
    return tf.losses.softmaxCrossEntropy(y, dense(dense(dense(x, 0, 'relu'), 2, 'relu'), 4));
  },
  jax(jax, w, x, y) {
    const { numpy: np, nn } = jax;
    const dense = (v: Rival, i: number) => np.matmul(v, w[i]).add(w[i + 1]);
    return jaxCrossentropy(jax, dense(nn.relu(dense(nn.relu(dense(x, 0)), 2)), 4), y);
  },
  torch: 'lambda w, x, y: F.cross_entropy(F.linear(F.relu(F.linear(F.relu(F.linear(x, w[0], w[1])), w[2], w[3])), w[4], w[5]), y)',
  flops: 6 * B * (I * J + J * K + K * L),
});

export const cnnOf = (B: number, floors: Floors): TrainingRow => ({
  ...common,
  name: `Adam step, CNN conv32-pool-conv64-pool-dense128-dense10, 28x28, batch ${B}`,
  floors,
  otherFor: ['jax', 'torch'],
  weights: [
    { ...kernel(1, [3, 3, 1, 32], 9, [3, 2, 0, 1]), channelsLast: true }, bias(2, 32), { ...kernel(3, [3, 3, 32, 64], 288, [3, 2, 0, 1]), channelsLast: true }, bias(4, 64),
    kernel(5, [7, 7, 64, 128], 3136, [3, 0, 1, 2]), bias(6, 128), kernel(7, [128, 10], 128), bias(8, 10),
  ],
  batch: [{ shape: [B, 28, 28, 1], seed: 9, other: [0, 3, 1, 2], channelsLast: true }, { shape: [B, 10], seed: 10, oneHot: true }],
  heed() {
    const convolution = (filters: number) => new Conv2D(filters, 3, { padding: 'same', activation: 'relu' });
    return model(new Sequential([convolution(32), new MaxPooling2D(), convolution(64), new MaxPooling2D(), new Flatten(), new Dense(128, { activation: 'relu' }), new Dense(10)]), crossentropy);
  },
  tfjs(tf, w, x, y) {
    const convolved = (v: Rival, i: number) => tf.maxPool(tf.relu(tf.add(tf.conv2d(v, w[i], 1, 'same'), w[i + 1])), 2, 2, 'valid');
    const flat = tf.reshape(convolved(convolved(x, 0), 2), [B, 3136]);
    const hidden = tf.relu(tf.add(tf.matMul(flat, tf.reshape(w[4], [3136, 128])), w[5]));
    return tf.losses.softmaxCrossEntropy(y, tf.add(tf.matMul(hidden, w[6]), w[7]));
  },
  jax(jax, w, x, y) {
    const { numpy: np, nn, lax } = jax;
    const convolved = (v: Rival, i: number, [C, S]: readonly [number, number]) => {
      const z = nn.relu(lax.convGeneralDilated(v, w[i], [1, 1], 'SAME').add(w[i + 1].reshape([1, C, 1, 1])));
      return np.max(z.reshape([B, C, S / 2, 2, S / 2, 2]), [3, 5]);
    };
    const flat = np.transpose(convolved(convolved(x, 0, [32, 28]), 2, [64, 14]), [0, 2, 3, 1]).reshape([B, 3136]);
    const hidden = nn.relu(np.matmul(flat, np.transpose(w[4].reshape([128, 3136]))).add(w[5]));
    return jaxCrossentropy(jax, np.matmul(hidden, np.transpose(w[6])).add(w[7]), y);
  },
  torch: `def f(w, x, y):
    x = F.max_pool2d(F.relu(F.conv2d(x, w[0], w[1], padding=1)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, w[2], w[3], padding=1)), 2)
    x = F.relu(F.linear(x.permute(0, 2, 3, 1).flatten(1), w[4].flatten(1), w[5]))
    return F.cross_entropy(F.linear(x, w[6], w[7]), y)`,
  flops: 6 * B * (784 * 32 * 9 + 196 * 64 * 288 + 3136 * 128 + 1280),
});

const [steps, units] = [40, 128];
const lstm: TrainingRow = {
  ...common,
  name: 'Adam step, LSTM 128, batch 32, 40 steps, input 64',
  floors: { js: 5, torch: 0.5 },
  otherFor: ['torch'],
  weights: [kernel(1, [64, 4 * units], 64), kernel(2, [units, 4 * units], units), bias(3, 4 * units)],
  batch: [{ shape: [32, steps, 64], seed: 4 }, { shape: [32, units], seed: 5, scale: 0.5 }],
  heed: () => model(new LSTM(units), meanSquaredError),
  tfjs(tf, [kernel, recurrent, b], x, y) {
    const projected = tf.split(tf.reshape(tf.add(tf.matMul(tf.reshape(x, [32 * steps, 64]), kernel), b), [32, steps, 4 * units]), steps, 1);
    let [h, c] = [tf.zeros([32, units]), tf.zeros([32, units])];
    for (const p of projected) {
      const [i, f, g, o] = tf.split(tf.add(tf.reshape(p, [32, 4 * units]), tf.matMul(h, recurrent)), 4, 1);
      c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
      h = tf.mul(tf.sigmoid(o), tf.tanh(c));
    }
    return tf.mean(tf.square(tf.sub(h, y)));
  },
  jax(jax, [kernel, recurrent, b], x, y) {
    const { numpy: np, nn } = jax;
    const projected = np.split(np.matmul(x, kernel).add(b), steps, 1);
    let [h, c] = [np.zeros([32, units]), np.zeros([32, units])];
    projected.forEach((p: Rival, t: number) => {
      const [i, f, g, o] = np.split(p.reshape([32, 4 * units]).add(np.matmul(h, t < steps - 1 ? recurrent.ref : recurrent)), 4, 1);
      c = nn.sigmoid(f).mul(c).add(nn.sigmoid(i).mul(np.tanh(g)));
      h = nn.sigmoid(o).mul(np.tanh(t < steps - 1 ? c.ref : c));
    });
    return jaxSquaredError(jax, h, y);
  },
  torch: `def f(w, x, y):
    zero = x.new_zeros(1, 32, ${units})
    h = torch._VF.lstm(x, (zero, zero), [w[0], w[1], w[2], torch.zeros_like(w[2])], True, 1, 0.0, True, False, True)[1]
    return F.mse_loss(h[0], y)`,
  flops: 6 * 32 * steps * 4 * units * (64 + units),
};

const epsilon = 1e-5;
export interface Sizes { readonly B: number; readonly T: number; readonly C: number; readonly H: number }
const intoHeads = (seed: number, C: number, H: number): Operand[] => [kernel(seed, [C, H, C / H], C, [1, 2, 0]), bias(seed + 1, H, C / H)];
const scaleAndShift = (seed: number, C: number): Operand[] => [{ shape: [C], seed, scale: 0.1, shift: 1 }, bias(seed + 1, C)];

/** x through heads that attend, flat [B T, C], in tfjs and in jax-js; the weights of queries, keys, values and outputs begin at `at`. */
function tfjsHeads(tf: Rival, w: Rival[], at: number, x: Rival, { B, T, C, H }: Sizes, mask: Rival | null): Rival {
  // Its fused product refuses a bias that was reshaped.
  const heads = (i: number) => tf.transpose(tf.add(tf.reshape(tf.matMul(x, tf.reshape(w[at + i], [C, C])), [B, T, H, C / H]), w[at + i + 1]), [0, 2, 1, 3]);
  const attended = tf.reshape(tf.transpose(tfjsAttention(tf, heads(0), heads(2), heads(4), mask), [0, 2, 1, 3]), [B * T, C]);
  return tf.fused.matMul({ a: attended, b: tf.reshape(w[at + 6], [C, C]), bias: w[at + 7] });
}
const jaxLinear = ({ numpy: np }: Rival, w: Rival[], i: number, v: Rival, [from, to]: readonly [number, number]) => np.matmul(v, w[i].reshape([from, to])).add(w[i + 1].reshape([to]));
function jaxHeads(jax: Rival, w: Rival[], at: number, x: Rival, { B, T, C, H }: Sizes, isCausal: boolean): Rival {
  const heads = (i: number) => jaxLinear(jax, w, at + i, i < 4 ? x.ref : x, [C, C]).reshape([B, T, H, C / H]);
  return jaxLinear(jax, w, at + 6, jax.nn.dotProductAttention(heads(0), heads(2), heads(4), { isCausal }).reshape([B, T, C]), [C, C]);
}

export function transformerOf({ B, T, C, H }: Sizes, hidden: number, floors: Floors): TrainingRow {
  const [D, sizes] = [C / H, { B, T, C, H }];
  return {
    ...common,
    name: `Adam step, transformer block d ${C}, ${H} heads, ff ${hidden}, batch ${B}, seq ${T}`,
    floors,
    otherFor: ['torch'],
    weights: [
      ...intoHeads(1, C, H), ...intoHeads(3, C, H), ...intoHeads(5, C, H), kernel(7, [H, D, C], C, [2, 0, 1]), bias(8, C), ...scaleAndShift(9, C), ...scaleAndShift(11, C),
      kernel(13, [C, hidden], C), bias(14, hidden), kernel(15, [hidden, C], hidden), bias(16, C),
    ],
    batch: [{ shape: [B, T, C], seed: 17 }, { shape: [B, T, C], seed: 18 }],
    heed: () => model(new TransformerEncoder({ intermediateDim: hidden, numHeads: H, layerNormEpsilon: epsilon }), meanSquaredError),
    tfjs(tf, w, x, y) {
      const flat = tf.reshape(x, [B * T, C]);
      const linear = (v: Rival, i: number, kernel: Rival, activation?: string) => tf.fused.matMul({ a: v, b: kernel, bias: w[i + 1], activation });
      const v = tfjsLayerNorm(tf, tf.add(flat, tfjsHeads(tf, w, 0, flat, sizes, null)), w[8], w[9], epsilon);
      const z = tfjsLayerNorm(tf, tf.add(v, linear(linear(v, 12, w[12], 'relu'), 14, w[14])), w[10], w[11], epsilon);
      return tf.mean(tf.square(tf.sub(tf.reshape(z, [B, T, C]), y)));
    },
    jax(jax, w, x, y) {
      const v = jaxLayerNorm(jax, x.ref.add(jaxHeads(jax, w, 0, x, sizes, false)), w[8], w[9], epsilon);
      const z = jaxLayerNorm(jax, v.ref.add(jaxLinear(jax, w, 14, jax.nn.relu(jaxLinear(jax, w, 12, v, [C, hidden])), [hidden, C])), w[10], w[11], epsilon);
      return jaxSquaredError(jax, z, y);
    },
    torch: `def f(w, x, y):
    q, k, v = [F.linear(x, w[i].reshape(${C}, ${C}), w[i + 1].reshape(${C})).reshape(${B}, ${T}, ${H}, ${D}).transpose(1, 2) for i in (0, 2, 4)]
    a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(${B}, ${T}, ${C})
    x = F.layer_norm(x + F.linear(a, w[6].reshape(${C}, ${C}), w[7]), (${C},), w[8], w[9], ${epsilon})
    x = F.layer_norm(x + F.linear(F.relu(F.linear(x, w[12], w[13])), w[14], w[15]), (${C},), w[10], w[11], ${epsilon})
    return F.mse_loss(x, y)`,
    flops: 6 * B * T * (4 * C * C + 2 * C * hidden) + 3.5 * 4 * B * H * T * T * D,
  };
}

/** Blocks as GPT-2 has them, its final norm, and a product with a vocabulary; what is embedded already comes in. */
export function gptOf(sizes: Sizes, blocks: number, vocabulary: number, floors: Floors): TrainingRow {
  const { B, T, C, H } = sizes;
  const of = 16;
  const end = of * blocks;
  let mask: Rival;
  return {
    ...common,
    name: `Adam step, GPT of ${blocks} blocks d ${C}, ${H} heads, vocabulary ${vocabulary}, batch ${B}, seq ${T}`,
    floors,
    weights: [
      ...Array.from({ length: blocks }, (_, i): Operand[] => [
        ...intoHeads(i * of + 1, C, H), ...intoHeads(i * of + 3, C, H), ...intoHeads(i * of + 5, C, H), kernel(i * of + 7, [H, C / H, C], C), bias(i * of + 8, C), ...scaleAndShift(i * of + 9, C),
        kernel(i * of + 11, [C, 4 * C], C), bias(i * of + 12, 4 * C), kernel(i * of + 13, [4 * C, C], 4 * C), bias(i * of + 14, C), ...scaleAndShift(i * of + 15, C),
      ]).flat(),
      ...scaleAndShift(end + 1, C), kernel(end + 3, [C, vocabulary], C),
    ],
    batch: [{ shape: [B, T, C], seed: end + 4 }, { shape: [B, T, vocabulary], seed: end + 5, oneHot: true }],
    heed() {
      const block = () => new TransformerDecoder({ intermediateDim: 4 * C, numHeads: H, layerNormEpsilon: epsilon, normalizeFirst: true, activation: (x) => gelu(x, { approximate: true }) });
      return model(new Sequential([...Array.from({ length: blocks }, block), new LayerNormalization({ epsilon }), new Dense(vocabulary, { useBias: false })]), crossentropy);
    },
    tfjs(tf, w, x, y) {
      mask ??= tf.keep(tf.tensor(Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e9 : 0)), [T, T]));
      const norm = (v: Rival, i: number) => tfjsLayerNorm(tf, v, w[i], w[i + 1], epsilon);
      const linear = (v: Rival, i: number) => tf.fused.matMul({ a: v, b: w[i], bias: w[i + 1] });
      let v = tf.reshape(x, [B * T, C]);
      for (let at = 0; at < end; at += of) {
        v = tf.add(v, tfjsHeads(tf, w, at, norm(v, at + 8), sizes, mask));
        v = tf.add(v, linear(tfjsGelu(tf, linear(norm(v, at + 14), at + 10)), at + 12));
      }
      return tf.losses.softmaxCrossEntropy(tf.reshape(y, [B * T, vocabulary]), tf.matMul(norm(v, end), w[end + 2]));
    },
    jax(jax, w, x, y) {
      const norm = (v: Rival, i: number) => jaxLayerNorm(jax, v, w[i], w[i + 1], epsilon);
      let v = x;
      for (let at = 0; at < end; at += of) {
        v = v.ref.add(jaxHeads(jax, w, at, norm(v, at + 8), sizes, true));
        v = v.ref.add(jaxLinear(jax, w, at + 12, jax.nn.gelu(jaxLinear(jax, w, at + 10, norm(v, at + 14), [C, 4 * C]), { approximate: true }), [4 * C, C]));
      }
      return jaxCrossentropy(jax, jax.numpy.matmul(norm(v, end), w[end + 2]), y);
    },
    torch: empty('it is a row of the GPU, where PyTorch is not compared'),
    flops: 6 * B * T * (12 * blocks * C * C + C * vocabulary) + 3.5 * 2 * blocks * B * T * T * C,
  };
}

export const rows: readonly TrainingRow[] = [
  mlpOf([784, 512, 256, 10], 128, { js: 2, torch: 0.65 }),
  cnnOf(64, { torch: 0.5 }),
  lstm,
  transformerOf({ B: 8, T: 128, C: 256, H: 8 }, 1024, { js: 1.7, torch: process.versions.node.startsWith('20.') ? 0.6 : 0.7 }),
];
