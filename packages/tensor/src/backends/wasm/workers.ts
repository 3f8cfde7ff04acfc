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
  readonly cores: number;
}

const inNode = typeof process !== 'undefined' && Boolean(process.versions?.node);
/** What Node's own modules give; null elsewhere, and while they load on versions that can't hand them out at once. */
let node: Node | null = null;

/* eslint-disable @typescript-eslint/no-explicit-any */
if (inNode) {
  const names = ['node:worker_threads', 'node:os'];
  const use = ([threads, os]: any[]): void => { node = { Worker: threads.Worker, cores: os.availableParallelism() }; };
  const at = (process as any).getBuiltinModule;
  if (at) use(names.map(at));
  else void Promise.all(names.map((name) => import(name))).then(use); // Node before 20.16; a literal would make bundlers for browsers look for it
}

/** Threads that the machine can run at once, as far as the platform tells. */
export const cores = (): number => node?.cores ?? (globalThis as any).navigator?.hardwareConcurrency ?? 1;

/** Whether threads can be started now. */
export const canStart = (): boolean => (inNode ? node !== null : typeof Worker !== 'undefined');

/** Starts a thread with what it has to know; `lost` is called when it ends by itself, or can't start. Throws where it isn't allowed. */
export function startThread(data: object, lost: () => void): Thread {
  if (node) {
    const worker = new node.Worker(`${workerCode}work(require('node:worker_threads').workerData);`, { eval: true, workerData: data, execArgv: [], name: 'heed' } as object);
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
