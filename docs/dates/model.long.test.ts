import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rightPositions } from './alignment.js';
import type { Trained } from './contract.js';
import { sample } from './dataset.js';
import { evaluate, type Evaluation } from './evaluate.js';
import { dateOf } from './locales.js';
import { load, train, type Model } from './model.js';

const test = suite('the date model');
const examples = sample('test', 2000, { seed: 4, distinct: true });
let trained: Trained;
let judged: Evaluation;

test('reads at least 99 % of texts of unseen dates, and 97 % in every language', async () => {
  trained = await train({ seed: 1 });
  judged = await evaluate(trained.model, examples);
  assert.ok(judged.overall.right >= 0.99 * 2000, `${judged.overall.right} of 2000`);
  for (const { name, right, total } of judged.byLocale) assert.ok(right >= 0.97 * total, `${name}: ${right} of ${total}`);
});

test('looks at the day when it writes the day, and at the year when it writes the year', () => {
  let [hits, told] = [0, 0];
  for (const { example, right, weights } of judged.answers) {
    if (!right) continue;
    const { year, day } = rightPositions(example.locale, example.style, dateOf(Date.parse(example.iso) / 86_400_000));
    [...year.map((at, k) => [k, at] as const), ...day.map((at, k) => [8 + k, at] as const)].forEach(([k, at]) => {
      if (at.length === 0) return;
      told++;
      if (at.includes(weights[k]!.indexOf(Math.max(...weights[k]!)))) hits++;
    });
  }
  console.log(`attention on the right characters: ${((100 * hits) / told).toFixed(1)} % of ${told}`);
  assert.ok(hits >= 0.9 * told, `${hits} of ${told}`);
});

test('says the same after it was saved and loaded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'heed-dates-'));
  try {
    const path = join(folder, 'dates.safetensors');
    await trained.model.save(path);
    const texts = examples.slice(0, 20).map((e) => e.input);
    assert.equal(await (await load(path)).answer(texts), await trained.model.answer(texts));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('collapses when even weights take the place of attention', async () => {
  const { overall } = await evaluate((trained.model as Model).withEvenWeights(), examples);
  console.log(`with even weights: ${overall.right} of 2000`);
  assert.ok(overall.right < 0.2 * 2000, `${overall.right} of 2000`);
});

test.run();
