/** Telling a model where in a sequence it is. */
import { add, ShapeError, slice, tensor, ValueError, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { Layer, type InitializerLike, type LayerDefaults, type LayerOptions } from '@heed/layers';

/**
 * p_(t, 2i) = sin(t / 10000^(2i / C)), p_(t, 2i + 1) = cos(t / 10000^(2i / C)).
 *
 * Shape:  -> [T, C].
 * Source: Vaswani et al. 2017, "Attention Is All You Need", 3.5.
 */
export function sinusoidalPositions(T: number, C: number, { maxWavelength = 10000 }: { readonly maxWavelength?: number } = {}): Tensor {
  if (!Number.isInteger(T) || T < 0 || !Number.isInteger(C) || C < 1) throw new ValueError(`sinusoidalPositions: T ${T} and C ${C}; both must be whole numbers, C at least 1.`);
  const out = new Float32Array(T * C);
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < C; i++) {
      const angle = t / maxWavelength ** ((i - (i % 2)) / C);
      out[t * C + i] = i % 2 ? Math.cos(angle) : Math.sin(angle);
    }
  }
  return tensor(out, { shape: [T, C] });
}

export interface PositionEmbeddingOptions extends LayerOptions {
  readonly initializer?: InitializerLike;
}
/**
 * x plus a learned vector for each place.
 *
 * Shape:   x [B, T, C] -> y, the same; T is at most maxLength.
 * Weights: embeddings [maxLength, C].
 */
export class PositionEmbedding extends Layer<PositionEmbeddingOptions> {
  static override readonly positional = ['maxLength'];
  static override readonly defaults: LayerDefaults<PositionEmbeddingOptions> = { initializer: 'glorot_uniform' };
  embeddings!: Variable;
  constructor(readonly maxLength: number, o: PositionEmbeddingOptions = {}) { super(o); }
  override build(shape: Shape | readonly Shape[]): void {
    this.embeddings = this.addWeight('embeddings', [this.maxLength, (shape as Shape)[(shape as Shape).length - 1]!], { initializer: this.o.initializer });
  }
  override call(x: Tensor): Tensor {
    const T = x.shape[x.rank - 2]!;
    if (T > this.maxLength) throw new ShapeError(`PositionEmbedding: x [${x.shape.join(', ')}] has ${T} places, there are embeddings for ${this.maxLength}.`);
    return add(x, slice(this.embeddings.value, [0, T]));
  }
}
