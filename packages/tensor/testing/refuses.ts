/** Checking that something is refused, and in which words. */

function judge(error: unknown, message: string | RegExp, type?: new (...args: never[]) => Error): void {
  if (!(error instanceof Error)) throw new Error(`refuses: it threw ${String(error)}, which is no Error.`);
  const { name, message: said } = error;
  if (type && !(error instanceof type)) throw new Error(`refuses: it threw a ${name}, not a ${type.name}: ${said}`);
  const fits = typeof message === 'string' ? error.message === message : message.test(error.message);
  if (!fits) throw new Error(`refuses: it said\n  ${error.message}\nand should have said\n  ${String(message)}`);
}

/** Throws unless `f` throws (or rejects; then await this) with exactly this message, or one that matches. */
export function refuses(f: () => unknown, message: string | RegExp, type?: new (...args: never[]) => Error): Promise<void> {
  let result: unknown;
  try {
    result = f();
  } catch (error) {
    judge(error, message, type);
    return Promise.resolve();
  }
  if (!(result instanceof Promise)) throw new Error(`refuses: nothing was thrown; it should have said\n  ${String(message)}`);
  return result.then(
    () => { throw new Error(`refuses: nothing was thrown; it should have said\n  ${String(message)}`); },
    (error) => judge(error, message, type),
  );
}
