/**
 * Order by bitonic merging of numbers and their places, which all differ, so that it is stable. Every exchange puts the smaller first,
 * so what lies beyond a row's end, being larger than anything, never moves and need not be there.
 * Source: Batcher 1968, "Sorting Networks and Their Applications".
 */
import { sizeOf } from '../../shape.js';
import type { SortParams } from '../js/sort.js';
import { nest } from '../nest.js';
import type { Dispatch } from './device.js';
import { orderOf } from './order.js';
import { shaderOf, type Context } from './plan.js';
import type { GpuView, Operand, Shader, ShaderType } from './shader.js';

/** Elements that a group sorts in its own memory. */
const block = 2048;
const last = 2147483647;

/** Where the elements of each row lie in order. */
export const planSort = (context: Context, { axis, descending }: SortParams, x: GpuView, y: GpuView): Dispatch[] =>
  planOrder(context, [axis], x, y, (s, type) => orderOf(s, type, descending));

/** The same for rows along several axes, y being of the shape of x, by the whole numbers that `key` makes of the elements. */
export function planOrder(context: Context, axes: readonly number[], x: GpuView, y: GpuView, key: (s: Shader, type: ShaderType) => (value: string) => string): Dispatch[] {
  const part = (order: readonly number[]) => nest(order.map((i) => x.shape[i]!), [x, y].map((v) => ({ shape: order.map((i) => x.shape[i]!), strides: order.map((i) => v.strides[i]!) })));
  const [outer, inner] = [part(x.shape.map((_, i) => i).filter((i) => !axes.includes(i))), part(axes)];
  const [rows, n] = [sizeOf(outer.sizes), sizeOf(inner.sizes)];
  if (!rows || !n) return [];
  const isLong = n > block;
  const pairs = isLong ? [0, 1].map(() => context.scratch({ shape: [rows, n], dtype: 'int32' })) as [GpuView, GpuView] : null;
  const local = (from: 'input' | 'pairs', isEnd: boolean): Dispatch => {
    const s = shaderOf(context);
    const walk = s.walk(outer, 'r', ['x0', 'y0']);
    const along = s.walk(inner, 'j', ['dx', 'dy']).trimEnd();
    const held = pairs ? pairs.map((v) => s.output(v)) : null;
    const count = s.int(n);
    let load: string;
    if (from === 'input') {
      const given = s.input(x);
      load = `${along}\n    k = ${key(s, given.type)(given.load('x0 + dx'))};`;
    } else load = `k = ${held![0]!.load(`r * ${count} + j`)}; place = ${held![1]!.load(`r * ${count} + j`)};`;
    const store = isEnd ? `${along}\n    ${s.output(y).store('y0 + dy', 'places[e]')}` : `${held![0]!.store(`r * ${count} + j`, 'keys[e]')} ${held![1]!.store(`r * ${count} + j`, 'places[e]')}`;
    return inGroups(s, { rows, n, walk, load, store, isMerge: from === 'pairs' });
  };
  if (!pairs) return [local('input', true)];
  const steps = [local('input', false)];
  for (let size = 2 * block; size < 2 * n; size *= 2) {
    let span = size; // what exchanges have to bring into order, which gets halved until it fits into a group's memory
    while (span > block) {
      const halvings = Math.min(3, Math.log2(span / block));
      steps.push(exchange(context, pairs, { span, halvings, mirrored: span === size }));
      span /= 2 ** halvings;
    }
    steps.push(local('pairs', size >= n));
  }
  return steps;
}

interface InGroups { rows: number; n: number; walk: string; load: string; store: string; isMerge: boolean }

/** Sorts blocks, or merges what lies in order but for the last halvings, in the memory of groups: short rows several together. */
function inGroups(s: Shader, { rows, n, walk, load, store, isMerge }: InGroups): Dispatch {
  const size = Math.min(block, 2 ** Math.ceil(Math.log2(Math.max(2, n))));
  const each = Math.max(1, Math.floor(512 / size));
  const all = size * each;
  const threads = Math.min(256, all / 2);
  const blocks = Math.ceil(n / size);
  const count = s.int(rows);
  const place = blocks > 1 ? `let r = row / ${s.int(blocks)};\n    let j = (row % ${s.int(blocks)}) * ${size} + e;` : `let r = row * ${each} + e / ${size};\n    let j = e % ${size};`;
  s.declare(`var<workgroup> keys: array<i32, ${all}>;\nvar<workgroup> places: array<i32, ${all}>;`);
  const inside = `if (r < ${count} && j < ${s.int(n)})`;
  return s.rows(blocks > 1 ? rows * blocks : Math.ceil(rows / each), threads, `  for (var e = lid; e < ${all}; e += ${threads}) {
    ${place}
    var k = ${last};
    var place = j;
    ${inside} {
${walk}    ${load}
    }
    keys[e] = k;
    places[e] = place;
  }
  workgroupBarrier();
  for (var size = ${isMerge ? size : 2}; size <= ${size}; size = size << 1) {
    for (var half = size >> 1; half > 0; half = half >> 1) {
      for (var t = lid; t < ${all / 2}; t += ${threads}) {
        let low = ((t & ~(half - 1)) << 1) | (t & (half - 1));
        let high = ${isMerge ? 'low + half' : 'select(low + half, low ^ (size - 1), half == size >> 1)'};
        let k = keys[low];
        let m = keys[high];
        let a = places[low];
        let b = places[high];
        if (k > m || (k == m && a > b)) { keys[low] = m; keys[high] = k; places[low] = b; places[high] = a; }
      }
      workgroupBarrier();
    }
  }
  for (var e = lid; e < ${all}; e += ${threads}) {
    ${place}
    ${inside} {
${walk}    ${store}
    }
  }`).dispatch();
}

interface Exchange { span: number; halvings: number; mirrored: boolean }

/** Several halvings of spans at once: a thread has all the elements that they exchange among themselves. The first of a merge pairs mirrored places. */
function exchange(context: Context, pairs: readonly [GpuView, GpuView], { span, halvings, mirrored }: Exchange): Dispatch {
  const s = shaderOf(context);
  const [keys, places] = pairs.map((v) => s.output(v)) as [Operand, Operand];
  const [rows, n] = pairs[0].shape as [number, number];
  const count = 2 ** halvings;
  const apart = span / count;
  const all = [...Array(count).keys()];
  const swaps: (readonly [number, number])[] = mirrored ? all.slice(0, count / 2).map((e) => [e, count - 1 - e] as const) : [];
  for (let half = count / (mirrored ? 4 : 2); half >= 1; half /= 2) for (const e of all) if (!(e & half)) swaps.push([e, e + half]);
  const perRow = Math.ceil(n / span) * apart;
  const [N, P, Q] = [s.int(n), s.int(perRow), s.int(apart)];
  return s.line(rows * perRow, `  let start = (i / ${P}) * ${N};
  let t = i % ${P};
  let c = t % ${Q};
  let first = (t / ${Q}) * ${s.int(span)} + c;
${all.map((e) => `  let at${e} = first + ${e} * ${Q}${mirrored && e >= count / 2 ? ` + ${Q} - 1 - 2 * c` : ''};
  var k${e} = ${last};
  var p${e} = ${last};
  if (at${e} < ${N}) { k${e} = ${keys.load(`start + at${e}`)}; p${e} = ${places.load(`start + at${e}`)}; }`).join('\n')}
${swaps.map(([a, b]) => `  if (k${a} > k${b} || (k${a} == k${b} && p${a} > p${b})) { let k = k${a}; let at = p${a}; k${a} = k${b}; p${a} = p${b}; k${b} = k; p${b} = at; }`).join('\n')}
${all.map((e) => `  if (at${e} < ${N}) { ${keys.store(`start + at${e}`, `k${e}`)} ${places.store(`start + at${e}`, `p${e}`)} }`).join('\n')}`).dispatch();
}
