/** Starting threads: worker_threads in Node, Workers from a Blob in browsers, so that every bundler works. */
import { workerCode } from './worker-code.js';

export interface Thread {
  /** Ends it, whatever it does. A promise where one learns that it ended. */
  stop(): Promise<unknown> | null;
}

interface NodeWorker {
  on(event: 'exit' | 'error', listener: () => void): void;
  unref(): void;
  terminate(): Promise<unknown>;
}
interface Node {
  readonly Worker: new (code: string, options: object) => NodeWorker;
  availableParallelism(): number;
}

/* eslint-disable @typescript-eslint/no-explicit-any */
const inNode = typeof process !== 'undefined' && Boolean(process.versions?.node);
const names = ['node:worker_threads', 'node:os'];
const getBuiltin = inNode ? (process as any).getBuiltinModule : undefined;
let found: Node | null = null;
// Node before 20.16 can't hand them out at once; a literal would make bundlers for browsers look for it.
if (inNode && !getBuiltin) void Promise.all(names.map((name) => import(name))).then(([threads, os]) => { found = { ...threads, ...os }; });

/** What Node's own modules give, loaded when first asked for; null elsewhere, and while they load on old versions. */
const node = (): Node | null => (found ??= getBuiltin ? Object.assign({}, ...names.map(getBuiltin)) : null);

/** Threads that the machine can run at once, as far as the platform tells. */
export const cores = (): number => node()?.availableParallelism() ?? (globalThis as any).navigator?.hardwareConcurrency ?? 1;

/** Whether threads can be started now. */
export const canStart = (): boolean => (inNode ? node() !== null : typeof Worker !== 'undefined');

/** Starts a thread with what it has to know; `lost` is called when it ends by itself, or can't start. Throws where it isn't allowed. */
export function startThread(data: object, lost: () => void): Thread {
  const { Worker: NodeThread } = node() ?? {};
  if (NodeThread) {
    const worker = new NodeThread(`${workerCode}work(require('node:worker_threads').workerData);`, { eval: true, workerData: data, execArgv: [], name: 'heed' } as object);
    worker.on('error', lost);
    worker.on('exit', lost);
    worker.unref();
    return { stop: () => worker.terminate() };
  }
  const url = URL.createObjectURL(new Blob([`${workerCode}onmessage = (e) => work(e.data);`], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onerror = lost;
  worker.postMessage(data);
  return { stop: () => (worker.terminate(), URL.revokeObjectURL(url), null) };
}
