/** How a tensor prints: dtype, shape and the elements, long axes shortened to their ends. */
import type { Tensor } from './tensor.js';
import { formatShape } from './shape.js';

const edge = 3;

/** A number in at most about four significant decimals, as short as possible. */
function formatNumber(x: number, dtype: string): string {
  if (dtype === 'bool') return x ? 'true' : 'false';
  if (!Number.isFinite(x) || Number.isInteger(x)) return Object.is(x, -0) ? '-0' : String(x);
  const magnitude = Math.abs(x);
  return magnitude < 1e-4 || magnitude >= 1e6 ? x.toExponential(4) : String(+x.toFixed(4));
}

/** `float32 [2, 2]` and the rows below; a scalar on one line. */
export function formatTensor(x: Tensor): string {
  if (x.storage.kind === 'device') return `${x.dtype} ${formatShape(x.shape)} (on the GPU; await x.read())`;
  if (x.storage.kind !== 'host') return `${x.dtype} ${formatShape(x.shape)} (${x.storage.kind})`;
  const { data } = x.storage;
  const shown: string[] = [];
  const level = (axis: number, at: number, indent: string): string => {
    if (axis === x.rank) {
      const text = formatNumber(data[at]!, x.dtype);
      shown.push(text);
      return `\u0000${shown.length - 1}\u0000`;
    }
    const n = x.shape[axis]!;
    const cut = n > 2 * edge + 1 && x.size > 100;
    const parts: string[] = [];
    for (let i = 0; i < n; i++) {
      if (cut && i === edge) { parts.push('...'); i = n - edge; }
      parts.push(level(axis + 1, at + i * x.strides[axis]!, indent + ' '));
    }
    const last = axis === x.rank - 1;
    return `[${parts.join(last ? ', ' : `,${'\n'.repeat(Math.max(1, x.rank - axis - 1))}${indent} `)}]`;
  };
  const body = level(0, x.offset, '');
  const width = x.rank ? Math.max(0, ...shown.map((s) => s.length)) : 0;
  const text = body.replace(/\u0000(\d+)\u0000/g, (_, i) => shown[Number(i)]!.padStart(width));
  return x.rank === 0 ? `${x.dtype} ${text}` : `${x.dtype} ${formatShape(x.shape)}\n${text}`;
}
