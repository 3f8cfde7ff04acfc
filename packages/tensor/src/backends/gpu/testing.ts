/** For the tests of this folder: drawn operands of every layout, and js to compare with. */
import { random, run, slice, tensor, transpose, withBackend, type Op, type Tensor } from '@heed/tensor';
import { atHome, close, type Tolerance } from '@heed/tensor/testing';

/** Numbers from 0 to 1, the same at every run, and picks from lists. */
export function drawing(seed: number) {
  let s = seed;
  const next = (): number => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 2 ** 32;
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  /** Normal numbers; often turned round in memory, or every second of a longer row. */
  const floats = (shape: readonly number[], layout = pick(['dense', 'dense', 'turned', 'apart'])): Tensor => {
    const at = Math.floor(next() * 2 ** 30);
    return withBackend('js', () => {
      if (layout === 'turned' && shape.length > 1) return transpose(random.normal([...shape].reverse(), { seed: at }));
      if (layout === 'apart' && shape.length) return slice(random.normal([...shape.slice(0, -1), 2 * shape[shape.length - 1]!], { seed: at }), ...shape.slice(0, -1).map(() => null), [null, null, 2]);
      return random.normal(shape, { seed: at });
    });
  };
  /** More or less of `share` of them true. */
  const bools = (shape: readonly number[], share = 0.7): Tensor => tensor(Uint8Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => Number(next() < share)), { shape, dtype: 'bool' });
  return { next, pick, floats, bools };
}

/** Whether the chosen backend gives what js gives. */
export async function agrees<A>(op: Op<A>, x: readonly Tensor[], a: A, tolerance: Tolerance = { rtol: 1e-4, atol: 1e-4 }): Promise<void> {
  const here = await Promise.all(x.map(atHome));
  const wanted = withBackend('js', () => run(op, here, a));
  const got = run(op, x, a);
  for (const [k, y] of got.entries()) {
    try {
      close(await atHome(y), wanted[k]!, tolerance);
    } catch (error) {
      throw new Error(`${op.name}, output ${k}, of ${x.map((t) => `[${t.shape.join(', ')}] by (${t.strides.join(', ')})`).join(', ')} with ${JSON.stringify(a)}: ${(error as Error).message}`, { cause: error });
    }
  }
}
