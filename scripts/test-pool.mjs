import { fork } from 'node:child_process';
import { join } from 'node:path';
import { engineFlags } from './bundle.mjs';
import { root } from './root.mjs';

const worker = join(root, 'scripts', 'test-worker.mjs');

/**
 * Runs bundles (`{file, bundle}`) in a few child processes, each taking the next as it becomes free.
 * Calls `report({file, passed, failed, skipped, errors, output, ms})` as each ends and resolves when all did.
 */
export async function runPool(jobs, { workers = 2, timeout, isolate = false, report }) {
  const waiting = [...jobs];
  const checkedOps = new Set();
  const lanes = Array.from({ length: Math.min(workers, jobs.length) }, () => lane());
  await Promise.all(lanes);
  return checkedOps;

  async function lane() {
    let child = null;
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      child ??= start();
      const began = performance.now();
      const result = await runOne(child, job);
      if (result.dead || isolate) {
        child.process.kill();
        child = null;
      }
      for (const op of result.checkedOps ?? []) checkedOps.add(op);
      report({ ...result, file: job.file, ms: performance.now() - began });
    }
    child?.process.kill();
  }

  function start() {
    const env = { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) };
    const child = fork(worker, [], { cwd: root, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: ['--enable-source-maps', '--expose-gc', ...engineFlags], env });
    const state = { process: child, output: '', ready: null };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (state.output += text));
    state.ready = new Promise((resolve) => child.once('message', resolve).once('close', resolve));
    return state;
  }

  async function runOne(child, { bundle }) {
    await child.ready;
    child.output = '';
    return new Promise((resolve) => {
      const dead = (why) => finish({ dead: true, passed: 0, failed: 1, skipped: 0, errors: `  ${why}\n`, output: child.output });
      const closed = (code, signal) =>
        dead(code === 0 || code === 13 ? 'ended early: a test waits for something that never comes' : `crashed (${signal ?? `exit code ${code}`})`);
      const clock = setTimeout(() => dead(`took longer than ${timeout / 1000} s and was stopped`), timeout);
      // The result and the output come through two pipes: wait for the mark at the end of the output.
      const done = (result, tries = 200) => {
        if (!child.output.includes('\u0002') && tries > 0) setTimeout(done, 5, result, tries - 1);
        else finish({ ...result, output: child.output.replace('\u0002', '') });
      };
      const finish = (result) => {
        clearTimeout(clock);
        child.process.off('close', closed).removeAllListeners('message');
        resolve(result);
      };
      child.process.once('close', closed).once('message', (result) => done(result));
      if (!child.process.connected) closed(child.process.exitCode, child.process.signalCode);
      else child.process.send({ bundle }, () => {});
    });
  }
}
