import { Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clock, percent, reporter } from './progress.js';

const test = suite('progress');

function capture(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  Object.assign(stream, { isTTY, columns: 120 });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}

const at = (epoch: number, step: number) => ({ epoch, epochs: 2, step, steps: 10, loss: 0.5, accuracy: 0.25 });
const epoch = { epoch: 1, loss: 0.5, accuracy: 0.25, validationLoss: 0.6, validationAccuracy: 0.2 };

test('without a terminal a line comes every five seconds and after each epoch', () => {
  const { stream, text } = capture(false);
  let time = 0;
  const progress = reporter({ stream, now: () => time });
  for (let step = 1; step <= 10; step++) {
    time += 1000;
    progress.step(at(1, step));
  }
  progress.epoch(epoch);
  progress.stop();
  assert.equal(text().split('\n'), [
    'epoch 1/2  step 5/10  loss 0.5000  accuracy 25.0 %  0:15 left',
    'epoch 1/2  step 10/10  loss 0.5000  accuracy 25.0 %  0:10 left',
    'epoch  1 done in 0:10  loss 0.5000  accuracy 25.0 %  validation loss 0.6000  accuracy 20.0 %',
    '',
  ]);
});

test('on a terminal a bar shows epoch, step, loss, accuracy and time left', () => {
  const { stream, text } = capture(true);
  let time = 0;
  const progress = reporter({ stream, bar: true, now: () => time });
  time = 1000;
  progress.step(at(1, 5));
  progress.epoch(epoch);
  progress.stop();
  assert.match(text(), /█+░+ epoch 1\/2  step 5\/10  loss 0\.5000  accuracy 25\.0 %  0:03 left/);
  assert.match(text(), /epoch {2}1 done in 0:01/);
});

test('after stop the bar is gone, lines are plain, and a second stop does nothing', () => {
  const { stream, text } = capture(true);
  const listeners = process.listenerCount('SIGINT');
  const progress = reporter({ stream, bar: true });
  progress.step(at(1, 1));
  assert.is(process.listenerCount('SIGINT'), listeners, 'Ctrl-C belongs to the program, not to the bar');
  progress.stop();
  progress.stop();
  const before = text().length;
  progress.step(at(1, 2));
  progress.log('done');
  assert.is(text().slice(before), 'done\n');
});

test('times are minutes and seconds', () => {
  assert.equal([0, 999, 65_000, 3_600_000, -5].map(clock), ['0:00', '0:01', '1:05', '60:00', '0:00']);
});

test('shares are never rounded to all or nothing', () => {
  assert.equal([0, 1, 0.5, 0.9996, 0.99999, 0.00001, 1.0000001].map(percent), ['0.0 %', '100.0 %', '50.0 %', '99.9 %', '99.9 %', '0.1 %', '100.0 %']);
});

test.run();
