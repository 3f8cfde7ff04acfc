import { cast, gather, notEqual, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { wholeNumber } from '@heed/tensor/checks';
import { Layer, type ActivityOption, type LayerDefaults, type LayerOptions, type WeightChoices } from '../layer.js';

export interface EmbeddingOptions extends LayerOptions, ActivityOption, WeightChoices<'embeddings'> {
  /** Index 0 is padding: the output carries the mask x != 0. */
  readonly maskZero?: boolean;
}

/**
 * A row of a table for each index: y = embeddings[x].
 *
 * Shape:   x int32 [...] -> y [..., outputDim].
 * Weights: embeddings [inputDim, outputDim].
 */
export class Embedding extends Layer<EmbeddingOptions> {
  static override readonly positional = ['inputDim', 'outputDim'];
  static override readonly defaults: LayerDefaults<EmbeddingOptions> = {
    embeddingsInitializer: 'uniform', embeddingsRegularizer: null, activityRegularizer: null, embeddingsConstraint: null, maskZero: false,
  };
  embeddings!: Variable;
  constructor(readonly inputDim: number, readonly outputDim: number, o: EmbeddingOptions = {}) {
    super(o);
    for (const [name, n] of [['inputDim', inputDim], ['outputDim', outputDim]] as const) {
      wholeNumber('Embedding', name, n);
    }
  }
  override build(_shape: Shape): void {
    this.embeddings = this.addWeight('embeddings', [this.inputDim, this.outputDim], this.choices('embeddings'));
  }
  override call(x: Tensor): Tensor { return gather(this.embeddings.value, cast(x, 'int32')); }
  override computeMask(x: Tensor): Tensor | null { return this.o.maskZero ? notEqual(x, 0) : null; }
}
