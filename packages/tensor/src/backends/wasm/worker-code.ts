/**
 * What a worker thread runs, as text, so that no bundler has to know of it. It needs no message after its first: kernels come as bytes
 * in the shared memory, so a thread that never goes back to its event loop still gets new ones.
 */

/** Words of the control block; what different threads write lies in different cache lines. */
export const words = {
  /** (generation << 8) + parts of the work that nobody took: taking one is a compare-and-swap, which fails when anything changed. */
  ticket: 0,
  /** Parts done. */
  done: 16,
  /** The work: where its kernel's bytes are and how many; parts, units in each, in all, and at most in one call; pages that the memory has. */
  code: 32, length: 33, parts: 34, size: 35, count: 36, chunk: 37, pages: 38,
  /** Threads that came up, that sleep; the thread whose kernel threw; the thread that a test wants to see stuck. */
  ready: 48, parked: 49, failed: 50, stuck: 51,
} as const;

/** Bytes: the words above, then for each worker its heartbeat (odd while it works) and its parameter block. */
export const controlBytes = 256;
export const beatBytes = 64;
export const blockBytes = 2048;

/** Milliseconds that a worker looks for more work before it sleeps. */
const spin = 0.2;

const w = words;
export const workerCode = `
const runUnits = (kernel, block, from, to, chunk) => {
  for (; to - from > chunk; from += chunk) kernel(block, from, from + chunk);
  kernel(block, from, to);
};
const work = ({ memory, control, thread }) => {
  const words = new Int32Array(memory.buffer, control, ${controlBytes / 4});
  const start = control + ${controlBytes} + (thread - 1) * ${beatBytes + blockBytes};
  const beat = new Int32Array(memory.buffer, start, 1);
  const block = start + ${beatBytes};
  const kernels = {};
  const kernel = () => {
    while (memory.buffer.byteLength < words[${w.pages}] * 65536); // a thread sees that the memory grew a moment later
    const at = words[${w.code}] >>> 0;
    const code = () => new WebAssembly.Module(new Uint8Array(memory.buffer).slice(at, at + words[${w.length}]));
    return (kernels[at] ??= new WebAssembly.Instance(code(), { env: { memory } }).exports.run);
  };
  Atomics.add(words, ${w.ready}, 1);
  let since = performance.now();
  for (let turn = 1; ; turn++) {
    const ticket = Atomics.load(words, ${w.ticket});
    const left = ticket & 255;
    if (!left) {
      if (turn & 63 || performance.now() - since < ${spin}) continue;
      Atomics.add(words, ${w.parked}, 1);
      Atomics.wait(words, ${w.ticket}, ticket);
      Atomics.sub(words, ${w.parked}, 1);
      since = performance.now();
      continue;
    }
    if (Atomics.compareExchange(words, ${w.ticket}, ticket, ticket - 1) !== ticket) continue;
    Atomics.add(beat, 0, 1);
    while (Atomics.load(words, ${w.stuck}) === thread) Atomics.wait(words, ${w.stuck}, thread);
    const parts = words[${w.parts}];
    try {
      const from = (parts - left) * words[${w.size}];
      runUnits(kernel(), block, from, Math.min(from + words[${w.size}], words[${w.count}]), words[${w.chunk}]);
    } catch {
      Atomics.store(words, ${w.failed}, thread);
    }
    Atomics.add(beat, 0, 1);
    if (Atomics.add(words, ${w.done}, 1) === parts - 1) Atomics.notify(words, ${w.done});
    since = performance.now();
  }
};
`;
