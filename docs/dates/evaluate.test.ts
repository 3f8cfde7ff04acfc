import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sample } from './dataset.js';
import { evaluate, showcase } from './evaluate.js';
import { LOCALES } from './locales.js';
import { knowingModel } from './testing.js';

const test = suite('evaluate');
const examples = sample('test', 340, { seed: 1, distinct: true });

test('counts right answers overall and per language', async () => {
  const { overall, byLocale } = await evaluate(knowingModel(examples, { wrong: ({ locale }) => (locale === 'th' ? '2000-01-01' : null) }), examples);
  const thai = examples.filter(({ locale }) => locale === 'th').length;
  assert.equal(overall, { right: 340 - thai, total: 340 });
  assert.equal(byLocale.map(({ locale }) => locale), [...LOCALES]);
  assert.is(byLocale.reduce((sum, { total }) => sum + total, 0), 340);
  for (const { locale, right, total } of byLocale) assert.is(right, locale === 'th' ? 0 : total);
});

test('leaves out languages without an example', async () => {
  const some = examples.filter(({ locale }) => locale === 'fr');
  assert.is((await evaluate(knowingModel(some), some)).byLocale.length, 1);
});

test('shows all mistakes where there is room, and different languages', async () => {
  const mistaken = examples.slice(0, 3);
  const evaluation = await evaluate(knowingModel(examples, { wrong: (example) => (mistaken.includes(example) ? '2000-01-01' : null) }), examples);
  const shown = showcase(evaluation, 20);
  assert.is(shown.length, 20);
  assert.is(shown.filter(({ right }) => !right).length, 3);
  assert.is(new Set(shown.slice(3).map(({ example }) => example.locale)).size, 17);
});

test('mistakes take half of the room at most, unless nothing else is there', async () => {
  const half = examples.slice(0, 170);
  const evaluation = await evaluate(knowingModel(examples, { wrong: (example) => (half.includes(example) ? '2000-01-01' : null) }), examples);
  assert.is(showcase(evaluation, 12).filter(({ right }) => !right).length, 6);
  const lost = await evaluate(knowingModel(examples, { wrong: () => '2000-01-01' }), examples);
  assert.is(showcase(lost, 12).length, 12);
});

test.run();
