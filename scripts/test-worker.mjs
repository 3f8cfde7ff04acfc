// Runs bundled test files one after the other, as told over the channel: {bundle} comes in, a result goes out.
// The parent sees a worker that dies, hangs or runs out of work, and starts another.
process.setSourceMapsEnabled(true);
globalThis.UVU_DEFER = 1;
const { pathToFileURL } = await import('node:url');
const { test } = await import('uvu');
const checkedOps = (globalThis[Symbol.for('heed.checkedOps')] ??= new Set());

/** Imports one file and runs every suite that it queued. */
async function runFile(bundle) {
  const result = { passed: 0, failed: 0, skipped: 0, errors: '' };
  const queue = [];
  globalThis.UVU_QUEUE = [queue];
  try {
    await import(pathToFileURL(bundle).href);
  } catch (error) {
    result.failed++;
    result.errors += `  could not be loaded:\n${error?.stack ?? error}\n`;
  }
  const promised = queue.length;
  test.run(); // tests left over without test.run(): run them here rather than inside the next file
  for (const [index, suite] of queue.entries()) {
    const [errors, passed, skipped, total] = await suite();
    result.passed += passed;
    result.failed += total - passed;
    result.skipped += skipped;
    if (errors !== true) result.errors += errors;
    else if (passed < total) result.errors += '  a before or after hook failed\n';
    if (index === promised && total > 0) {
      result.failed++;
      result.errors += `  test.run() is missing: ${total} tests would not run alone\n`;
    }
  }
  if (result.passed + result.failed + result.skipped === 0) {
    result.failed++;
    result.errors += '  no test ran: is test.run() missing?\n';
  }
  return result;
}

let stray = '';
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => (stray += `  ${event}: ${error?.stack ?? error}\n`));
}

process.on('message', async ({ bundle }) => {
  process.channel.unref(); // a test that waits for nothing ends this process, and is reported
  const result = await runFile(bundle);
  await new Promise((resolve) => setTimeout(resolve)); // rejections nobody handled show up now
  if (stray) {
    result.failed++;
    result.errors += stray;
    stray = '';
  }
  process.channel.ref();
  process.stdout.write('\u0002'); // all that this file printed came before
  process.send({ ...result, checkedOps: [...checkedOps] });
});
process.send({ ready: true });
