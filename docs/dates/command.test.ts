import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run, type Surroundings } from './command.js';
import { StaleModelError, type DateModelModule, type TrainOptions } from './contract.js';
import { sample } from './dataset.js';
import { parseIso, write } from './locales.js';
import { normalize } from './normalize.js';
import { HELP } from './options.js';
import { knowingModel } from './testing.js';

const test = suite('command');

const EPOCH = { epoch: 1, loss: 0.1, accuracy: 0.9, validationLoss: 0.1, validationAccuracy: 0.9 };
const OTHER = '2026-03-03';

/** The program in a folder of its own, with a model that knows every answer, and what it printed. */
async function inFolder(
  check: (world: { start: (...argv: string[]) => Promise<number>; printed: () => string; complained: () => string; folder: string; seeds: number[]; interrupt: () => void; exits: number[] }) => Promise<void>,
  change: { load?: DateModelModule['load']; during?: (options: TrainOptions, interrupt: () => void) => Promise<boolean> } = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'heed dates '));
  const [stdout, stderr] = [capture(), capture()];
  const [seeds, exits]: [number[], number[]] = [[], []];
  let handlers: (() => void)[] = [];
  const interrupt = (): void => handlers.forEach((handler) => handler());
  const known = sample('test', 60, { seed: 17, distinct: true });
  const extra = (['fr', 'ar', 'zh'] as const).map((locale) => {
    const text = write(parseIso('2026-03-03')!, locale, 'full');
    return { text, input: normalize(text), iso: '2026-03-03', locale, style: 'full' as const };
  });
  const model = { ...knowingModel([...known, ...extra], { other: OTHER }), save: (path: string) => writeFile(path, 'a model') };
  const around: Surroundings = {
    model: {
      async train(options) {
        seeds.push(options.seed);
        options.log?.('backend: none');
        const finished = (await change.during?.(options, interrupt)) ?? true;
        if (finished) options.onEpoch?.(EPOCH);
        return { model, history: finished ? [EPOCH] : [] };
      },
      load: change.load ?? (async () => model),
      use: async (backend) => `${backend} itself`,
    },
    folder: join(folder, 'out'),
    stdout: stdout.stream,
    stderr: stderr.stream,
    onInterrupt(handler) {
      handlers.push(handler);
      return () => void (handlers = handlers.filter((other) => other !== handler));
    },
    exit: (code) => void exits.push(code),
    testSize: 60,
  };
  try {
    await check({ start: (...argv) => run(argv, around), printed: stdout.text, complained: stderr.text, folder: around.folder, seeds, interrupt, exits });
  } finally {
    await rm(folder, { recursive: true });
  }
}

function capture(): { stream: NodeJS.WriteStream; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}

test('without texts: trains, prints accuracy, tables and a heat map, writes report and model', () =>
  inFolder(async ({ start, printed, complained, folder, seeds }) => {
    assert.is(await start('--seed', '5'), 0);
    assert.equal(seeds, [5]);
    for (const part of ['backend: none', '100.0 % exactly right: 60 of 60', 'Thai', 'Where it looked', 'No mistake', join(folder, 'dates-report.html')]) {
      assert.ok(printed().includes(part), part);
    }
    assert.is(complained(), '');
    assert.match(await readFile(join(folder, 'dates-report.html'), 'utf8'), /^<!doctype html>/);
    assert.ok(existsSync(join(folder, 'dates.safetensors')));
  }));

test('answers texts with the saved model, each with confidence, language and heat map', () =>
  inFolder(async ({ start, printed, seeds }) => {
    await start();
    const before = printed().length;
    const texts = (['fr', 'ar', 'zh'] as const).map((locale) => write(parseIso('2026-03-03')!, locale, 'full'));
    assert.is(await start(texts[0]!.toUpperCase(), ...texts.slice(1)), 0);
    assert.is(seeds.length, 1);
    const said = printed().slice(before);
    for (const name of ['French', 'Arabic', 'Chinese']) assert.match(said, new RegExp(`2026-03-03  confidence 99.0 %  ${name}, full`));
    assert.is(said.match(/██/g)!.length > 30, true);
  }));

test('trains first where no model is saved, and then answers', () =>
  inFolder(async ({ start, printed, folder, seeds }) => {
    assert.is(await start(write(parseIso('2026-03-03')!, 'fr', 'full')), 0);
    assert.is(seeds.length, 1);
    assert.match(printed(), /^No model is saved yet\.[^]*60 of 60[^]*French, full/);
    assert.ok(existsSync(join(folder, 'dates.safetensors')));
  }));

test('says why an older model cannot be used, and trains again', () =>
  inFolder(
    async ({ start, printed, seeds }) => {
      await start();
      assert.is(await start(write(parseIso('2026-03-03')!, 'fr', 'full')), 0);
      assert.is(seeds.length, 2);
      assert.match(printed(), /The saved model cannot be used: its format is 0, not 1\./);
    },
    { load: () => Promise.reject(new StaleModelError('its format is 0, not 1.')) },
  ));

test('does not train over a damaged file, but says what to do', () =>
  inFolder(
    async ({ start, complained, folder, seeds }) => {
      await start();
      assert.is(await start('3 mars 2026'), 1);
      assert.is(seeds.length, 1);
      assert.is(complained(), `start: ${join(folder, 'dates.safetensors')} cannot be read: header is cut off\nDelete it, or run npm start, to train anew.\n`);
    },
    { load: () => Promise.reject(new Error('header is cut off')) },
  ));

test('is not sure of answers that do not read as the text, and exits 1', () =>
  inFolder(async ({ start, printed }) => {
    for (const text of ['31 February 2026', '3 mars 1850', 'Hello', '2026-03-03']) {
      const before = printed().length;
      assert.is(await start(text), 1);
      assert.match(printed().slice(before), /not sure: the guess 2026-03-03 \(confidence 99\.0 %\) does not read as this text/);
    }
  }));

test('a text that is fine does not make up for one that is not', () =>
  inFolder(async ({ start }) => {
    assert.is(await start(write(parseIso('2026-03-03')!, 'fr', 'full'), 'Hello'), 1);
  }));

test('names unreadable texts without training or loading anything', () =>
  inFolder(async ({ start, complained, seeds }) => {
    assert.is(await start('', '3 ☃ 2026'), 1);
    assert.equal(seeds, []);
    assert.match(complained(), /the text is empty[^]*the character "☃" \(U\+2603\) does not occur in any date/);
  }));

test('keeps control characters of a text away from the terminal', () =>
  inFolder(async ({ start, complained }) => {
    await start('\x1b[2J3 mars 2026');
    assert.not.match(complained(), /\x1b/);
    assert.match(complained(), /U\+001B/);
  }));

test('Ctrl-C aborts training once, and what was learned is tested and saved', () =>
  inFolder(
    async ({ start, printed, folder, exits }) => {
      assert.is(await start(), 0);
      assert.match(printed(), /stopping after this step[^]*stopped after/);
      assert.match(await readFile(join(folder, 'dates-report.html'), 'utf8'), /stopped before its end/);
      assert.ok(existsSync(join(folder, 'dates.safetensors')));
      assert.equal(exits, []);
    },
    {
      during: async ({ signal }, interrupt) => {
        interrupt();
        assert.ok(signal!.aborted);
        return true;
      },
    },
  ));

test('a second Ctrl-C ends the process at once', () =>
  inFolder(
    async ({ start, exits }) => {
      await start();
      assert.equal(exits, [130]);
    },
    {
      during: async (_options, interrupt) => {
        interrupt();
        interrupt();
        return true;
      },
    },
  ));

test('saves nothing where training was stopped in its first epoch', () =>
  inFolder(
    async ({ start, complained, folder }) => {
      assert.is(await start(), 130);
      assert.match(complained(), /nothing is saved/);
      assert.not.ok(existsSync(folder));
    },
    {
      during: async (_options, interrupt) => {
        interrupt();
        return false;
      },
    },
  ));

test('listens for Ctrl-C only while it trains', () =>
  inFolder(async ({ start, interrupt, printed }) => {
    await start();
    const before = printed();
    interrupt();
    assert.is(printed(), before);
  }));

test('prints its help, and refuses what it does not know', () =>
  inFolder(async ({ start, printed, complained }) => {
    assert.is(await start('--help'), 0);
    assert.is(printed(), `${HELP}\n`);
    assert.is(await start('--sed'), 1);
    assert.match(complained(), /^start: unknown option "--sed"/);
  }));

test('says what computes where one chooses', () =>
  inFolder(async ({ start, printed }) => {
    assert.is(await start('--backend', 'gpu'), 0);
    assert.match(printed(), /^computed by gpu itself\n/);
  }));

test.run();
