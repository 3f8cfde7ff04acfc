import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { progress, Dense, Sequential, type Logs, type ProgressOptions } from './index.js';

const test = suite('progress');
const model = new Sequential([]);

/** What is printed while each step takes as long as it says. */
function printed(o: Partial<ProgressOptions> & { isTTY?: boolean; lines?: boolean }, times: readonly number[], logs: Logs, { finish = true, val = {} }: { finish?: boolean; val?: Logs } = {}): string[] {
  const texts: string[] = [];
  let time = 1000;
  const { isTTY, lines, ...rest } = o;
  const c = progress({ epochs: 2, steps: times.length, writer: { write: (t) => texts.push(t), isTTY, lines }, now: () => time, ...rest })!;
  c.onEpochBegin!(0, model);
  times.forEach((ms, step) => {
    time += ms;
    c.onBatchEnd!(step, logs, model);
  });
  if (finish) c.onEpochEnd!(0, { ...logs, ...val }, model);
  c.onTrainEnd?.(logs, model);
  return texts;
}
const bar = (count: string, full: number) => `\x1b[1m${count}\x1b[0m ${full ? `\x1b[32m${'━'.repeat(full)}\x1b[0m` : ''}\x1b[37m${'━'.repeat(20 - full)}\x1b[0m`;

test('a bar is drawn again with each step, as Keras draws it', () => {
  assert.equal(printed({ verbose: 1 }, [500, 100, 100, 100], { loss: 3.12968, accuracy: 0.5 }, { val: { val_loss: 2 } }), [
    'Epoch 1/2\n',
    `\r${bar('1/4', 5)} 1s 500ms/step - accuracy: 0.5000 - loss: 3.1297`,
    `\r${bar('2/4', 10)} 0s 100ms/step - accuracy: 0.5000 - loss: 3.1297`,
    `\r${bar('3/4', 15)} 0s 100ms/step - accuracy: 0.5000 - loss: 3.1297`,
    `\r${bar('4/4', 20)} 1s 100ms/step - accuracy: 0.5000 - loss: 3.1297 - val_loss: 2.0000\n`,
  ].map((t, i, all) => (i > 1 && i < 5 ? pad(t, all[i - 1]!) : t)));
});
/** A shorter line covers the one before. */
const pad = (text: string, before: string): string => {
  const end = text.endsWith('\n') ? '\n' : '';
  return text.replace(/\n$/, '').padEnd(before.length) + end;
};

test('steps that are quicker than 50 ms do not all draw', () => {
  assert.is(printed({ verbose: 1 }, Array(100).fill(10), { loss: 1 }).length, 1 + 20 + 1);
});

test('a line per epoch says steps, time, time per step and metrics in order', () => {
  assert.equal(printed({ verbose: 2 }, [500, 6, 6], { loss: 0.92224, accuracy: 0.6 }, { val: { val_loss: 1.2, val_accuracy: 0.25 } }), [
    'Epoch 1/2\n', '3/3 - 1s - 6ms/step - accuracy: 0.6000 - loss: 0.9222 - val_accuracy: 0.2500 - val_loss: 1.2000\n',
  ]);
});

test('one epoch has no title', () => {
  assert.equal(printed({ verbose: 2, epochs: 1 }, [2000], { loss: 1 }), ['1/1 - 2s - 2s/step - loss: 1.0000\n']);
});

test('small numbers are written with an exponent, as Python does', () => {
  const text = printed({ verbose: 2, epochs: 1 }, [0.5], { a: 0.001, b: 0.00101, c: 0, d: -2.5e-12, e: NaN }).join('');
  assert.is(text, '1/1 - 0s - 500us/step - a: 1.0000e-03 - b: 0.0010 - c: 0.0000e+00 - d: -2.5000e-12 - e: NaN\n');
});

test('an epoch whose end is not known counts up', () => {
  assert.equal(printed({ verbose: 1, epochs: 1, steps: null }, [100, 200], { loss: 1 }), [
    '\r      1/Unknown 0s 100ms/step - loss: 1.0000', '\r      2/Unknown 0s 200ms/step - loss: 1.0000', `\r${bar('2/2', 20)} 0s 200ms/step - loss: 1.0000\n`,
  ]);
});

test('long waits are told in minutes and hours', () => {
  const first = (ms: number) => printed({ verbose: 1, epochs: 1, steps: 100 }, [ms], { loss: 1 }, { finish: false })[0]!;
  assert.match(first(1000), / 1:39 1s\/step/);
  assert.match(first(60_000), / 1:39:00 60s\/step/);
});

test('a bar that is interrupted ends its line', () => {
  assert.is(printed({ verbose: 1, steps: 9 }, [100, 100], { loss: 1 }, { finish: false }).at(-1), '\n');
});

test('auto draws in a terminal and writes lines elsewhere; 0 is silent; a console gets lines only', () => {
  assert.match(printed({ isTTY: true }, [1], {}).at(-1)!, /^\r/);
  assert.match(printed({}, [1], {}).at(-1)!, /^1\/1 - /);
  assert.match(printed({ verbose: 1, lines: true }, [1], {}).at(-1)!, /^1\/1 - /);
  assert.is(progress({ verbose: 0, epochs: 1, steps: 1 }), null);
});

test('fit writes to the standard output, unless it is told to be silent', async () => {
  const fitted = new Sequential([new Dense(1)]);
  fitted.compile({ loss: 'mse', optimizer: 'sgd' });
  const { write } = process.stdout;
  const texts: string[] = [];
  const fit = (verbose: 0 | 2) => fitted.fit([[1], [2], [3]], [[1], [2], [3]], { batchSize: 2, epochs: 2, verbose });
  try {
    process.stdout.write = ((t: string) => texts.push(t)) as never;
    await fit(0);
    assert.is(texts.length, 0);
    await fit(2);
  } finally {
    process.stdout.write = write;
  }
  const text = texts.join('');
  assert.ok(/^Epoch 1\/2\n2\/2 - 0s - \d+[mu]?s\/step - loss: \d+\.\d{4}(?:e-\d+)?\nEpoch 2\/2\n2\/2 - /.test(text), text);
});
test.run();
