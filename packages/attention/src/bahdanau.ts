/** Additive attention with its projections. */
import { add, expandDims, matmul, reshape, ShapeError, softmax, tanh, type Shape, type Tensor, type Variable } from '@heed/tensor';
import { wholeNumber } from '@heed/tensor/checks';
import { Layer, type CallOptions, type LayerOptions } from '@heed/layers';

/**
 * Scores each key against the query by a small network, e_ts = v . tanh(W q_t + U k_s); the weights are their softmax and the
 * context is the weighted sum of the values.
 *
 * Call:    apply([query, values, keys?], { mask }); keys default to the values; mask [B, S], true = attend.
 *          `keys` may already be projected (see `project`), which saves the product at each step of a decoder.
 * Shape:   query [B, T, Q] or [B, Q], values [B, S, V] -> context [B, T, V] or [B, V], and weights [B, T, S] or [B, S].
 * Weights: query_kernel [Q, units], key_kernel [K, units], scale [units].
 * Source:  Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate".
 */
export class BahdanauAttention extends Layer {
  static override readonly positional = ['units'];
  queryKernel!: Variable;
  keyKernel!: Variable;
  scale!: Variable;
  constructor(readonly units: number, o: LayerOptions = {}) {
    super(o);
    wholeNumber('BahdanauAttention', 'units', units);
  }
  override build(shapes: Shape | readonly Shape[]): void {
    const [query, values, keys = values] = shapes as readonly Shape[];
    this.queryKernel = this.addWeight('query_kernel', [query![query!.length - 1]!, this.units]);
    this.keyKernel = this.addWeight('key_kernel', [keys![keys!.length - 1]!, this.units]);
    this.scale = this.addWeight('scale', [this.units, 1]);
  }
  /** U k for all keys: [B, S, K] -> [B, S, units]. */
  project(keys: Tensor): Tensor {
    this.requireBuilt();
    return matmul(keys, this.keyKernel.value);
  }
  private requireBuilt(): void {
    if (!this.built) throw new ShapeError('BahdanauAttention: project was called before the weights exist; call ensureBuilt([query, values]) with the shapes first.');
  }
  override call([query, values, keys]: readonly Tensor[], { mask }: CallOptions): [Tensor, Tensor] {
    const projected = keys ? keys : this.project(values!); // [B, S, units]
    return this.attend(query!, values!, projected, Array.isArray(mask) ? (mask[1] ?? null) : (mask as Tensor | null));
  }
  /** The context and the weights, for keys that are projected already. */
  attend(query: Tensor, values: Tensor, projected: Tensor, mask: Tensor | null | undefined): [Tensor, Tensor] {
    const single = query.rank === 2;
    const q = single ? expandDims(query, 1) : query; // [B, T, Q]
    const [B, T] = q.shape as [number, number];
    const S = values.shape[1]!;
    const hidden = tanh(add(expandDims(matmul(q, this.queryKernel.value), 2), expandDims(projected, 1))); // [B, T, S, units]
    const scores = reshape(matmul(hidden, this.scale.value), [B, T, S]);
    const weights = softmax(scores, { mask: mask ? (mask.rank === 2 ? expandDims(mask, 1) : mask) : undefined });
    const context = matmul(weights, values); // [B, T, V]
    return single ? [reshape(context, [B, values.shape[2]!]), reshape(weights, [B, S])] : [context, weights];
  }
  override computeMask(): null { return null; }
}
