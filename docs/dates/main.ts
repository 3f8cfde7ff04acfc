/** `npm start`: see `--help`. */
import { resolve } from 'node:path';
import { run } from './command.js';
import * as model from './model.js';

process.exitCode = await run(process.argv.slice(2), {
  model,
  folder: resolve('out'),
  stdout: process.stdout,
  stderr: process.stderr,
  onInterrupt(handler) {
    process.on('SIGINT', handler);
    return () => process.off('SIGINT', handler);
  },
  exit: (code) => process.exit(code),
});
