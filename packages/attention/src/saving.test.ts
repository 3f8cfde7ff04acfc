import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tensor, type Tensor } from '@heed/tensor';
import { refuses } from '@heed/tensor/testing';
import { Dense, Embedding, Input, Model } from '@heed/layers';
import { modelFromBytes, modelToBytes } from '@heed/layers/saving';
import * as attention from './index.js';

const test = suite('saving models with attention');
const { MultiHeadAttention, PositionEmbedding, TransformerDecoder, TransformerEncoder } = attention;

const make = () => {
  const [source, target] = [Input({ shape: [4], dtype: 'int32', name: 'source' }), Input({ shape: [3], dtype: 'int32', name: 'target' })];
  const read = (x: typeof source) => new PositionEmbedding(5).apply(new Embedding(9, 4, { maskZero: true }).apply(x));
  const encoded = new TransformerEncoder({ intermediateDim: 6, numHeads: 2, dropout: 0.2, seed: 1 }).apply(read(source));
  const decoded = new TransformerDecoder({ intermediateDim: 6, numHeads: 2, dropout: 0.2, seed: 2 }).apply(read(target), encoded);
  const looked = new MultiHeadAttention(2, 3, { dropout: 0.2, seed: 3 }).apply(decoded, encoded, { useCausalMask: true });
  const model = new Model({ inputs: [source, target], outputs: new Dense(9, { activation: 'softmax' }).apply(looked), name: 'translator' });
  model.compile({ optimizer: 'adam', loss: 'sparse_categorical_crossentropy' });
  return model;
};
const x = [tensor([[1, 2, 3, 0], [4, 5, 0, 0]], { dtype: 'int32' }), tensor([[1, 2, 3], [4, 5, 0]], { dtype: 'int32' })];
const y = tensor([[2, 3, 4], [5, 6, 0]], { dtype: 'int32' });
const bits = (model: Pick<Model, 'getWeights'>) => model.getWeights().map((w: Tensor) => Array.from(w.data()));

test('the package as a whole is what a load needs, and training goes on as if it had never stopped', async () => {
  const model = make();
  await model.fit(x, y, { epochs: 2, verbose: 0, seed: 1 });
  const loaded = modelFromBytes(modelToBytes(model), { customObjects: attention });
  for (const m of [model, loaded]) await m.fit(x, y, { epochs: 4, initialEpoch: 2, verbose: 0, seed: 1 });
  assert.equal(bits(loaded), bits(model));
});

test('without it the load says what is missing', () => {
  const bytes = modelToBytes(make());
  refuses(() => modelFromBytes(bytes), /^position_embedding\w*: there is no class PositionEmbedding here; pass \{ PositionEmbedding \} in customObjects, or registerLayer\(PositionEmbedding\) first\.$/);
});
test.run();
