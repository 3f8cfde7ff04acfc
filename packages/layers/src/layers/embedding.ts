import { cast, gather, notEqual, ShapeError, type Shape, type Tensor, type Variable } from '@heed/tensor';
import type { InitializerLike } from '../initializers.js';
import { Layer, type Config, type LayerOptions } from '../layer.js';

export interface EmbeddingOptions extends LayerOptions {
  readonly embeddingsInitializer?: InitializerLike;
  /** Index 0 is padding: the output carries the mask x != 0. */
  readonly maskZero?: boolean;
}

/**
 * A row of a table for each index: y = embeddings[x].
 *
 * Shape:   x int32 [...] -> y [..., outputDim].
 * Weights: embeddings [inputDim, outputDim].
 */
export class Embedding extends Layer {
  embeddings!: Variable;
  constructor(readonly inputDim: number, readonly outputDim: number, private readonly o: EmbeddingOptions = {}) {
    super(o);
    for (const [name, n] of [['inputDim', inputDim], ['outputDim', outputDim]] as const) {
      if (!Number.isInteger(n) || n < 1) throw new ShapeError(`Embedding: ${name} is ${n}; it must be a whole number >= 1.`);
    }
  }
  override build(_shape: Shape): void {
    this.embeddings = this.addWeight('embeddings', [this.inputDim, this.outputDim], { initializer: this.o.embeddingsInitializer ?? 'uniform' });
  }
  override call(x: Tensor): Tensor { return gather(this.embeddings.value, cast(x, 'int32')); }
  override computeMask(x: Tensor): Tensor | null { return this.o.maskZero ? notEqual(x, 0) : null; }
  override getConfig(): Config {
    return { ...super.getConfig(), input_dim: this.inputDim, output_dim: this.outputDim, mask_zero: this.o.maskZero ?? false };
  }
}
