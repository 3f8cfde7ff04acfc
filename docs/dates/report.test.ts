import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sample } from './dataset.js';
import { evaluate, showcase } from './evaluate.js';
import { examplesCaption, report, type ReportInput } from './report.js';
import { knowingModel } from './testing.js';

const test = suite('report');
const examples = sample('test', 200, { seed: 1, distinct: true });
const history = [1, 2, 3].map((epoch) => ({ epoch, loss: 2 / epoch, accuracy: 1 - 1 / epoch, validationLoss: 2.1 / epoch, validationAccuracy: 1 - 1 / epoch }));

async function input(mistakes: number, more: Partial<ReportInput> = {}): Promise<ReportInput> {
  const wrong = examples.slice(0, mistakes);
  const evaluation = await evaluate(knowingModel(examples, { wrong: (example) => (wrong.includes(example) ? '2000-01-01' : null) }), examples);
  const shown = showcase(evaluation, 20);
  return { seed: 7, history, trainingTime: 95_000, stopped: false, evaluation, examples: shown, maps: shown.slice(0, 2), ...more };
}

test('needs nothing from outside', async () => {
  const page = (await input(2).then(report)).replaceAll('http://www.w3.org/2000/svg', '');
  assert.not.match(page, /https?:|\ssrc=|\shref=|@import|<script|url\((?!#)/);
});

test('shows curves, every language, the examples and the heat maps', async () => {
  const page = report(await input(2));
  assert.is(page.match(/<svg[^>]* class="chart"/g)!.length, 2);
  assert.is(page.match(/<svg[^>]* class="heed-heatmap"/g)!.length, 2);
  for (const word of ['99.0 %', '198 of 200', 'Seed 7', '3 epochs', '1:35', 'Thai', 'Hindi', 'Arabic']) assert.ok(page.includes(word), word);
  assert.is(page.match(/✗/g)!.length, 2);
});

test('says it where training was stopped', async () => {
  assert.match(report(await input(0, { stopped: true })), /stopped before its end/);
  assert.not.match(report(await input(0)), /stopped/);
});

test('works without a finished epoch and without a heat map', async () => {
  assert.match(report(await input(0, { history: [], maps: [] })), /0 epochs/);
});

test('escapes every text', async () => {
  const base = await input(1);
  const bad = base.examples.map((answer) => ({ ...answer, iso: '<i>', example: { ...answer.example, text: '<b>"x"&' } }));
  const page = report({ ...base, examples: bad, maps: bad.slice(0, 1).map((answer) => ({ ...answer, weights: answer.weights.slice(0, 3) })) });
  assert.not.match(page, /<b>|<i>|"x"/);
});

test('marks the language and the direction of each text', async () => {
  const page = report(await input(0));
  const texts = page.match(/<bdi lang="[\w-]+" dir="auto">/g)!;
  assert.is(texts.length, 20 + 2);
});

test('says how many mistakes there are and how many are shown', async () => {
  assert.is(examplesCaption(await input(0)), 'No mistake among the 200 test texts; some of the right answers:');
  assert.is(examplesCaption(await input(1)), 'The only mistake, then right answers:');
  assert.is(examplesCaption(await input(4)), 'All 4 mistakes, then right answers:');
  assert.is(examplesCaption(await input(40)), '10 of the 40 mistakes, then right answers:');
});

test.run();
