/** Teams: the threads that share a row, each with every so-manieth of its elements, which they hold in registers where the row is not too long. */
import type { Shader } from './shader.js';

const threads = 256;
/** Elements that a thread holds at most. */
const mostHeld = 16;

/** What one thread finds of a row, and how two such findings become one: as many numbers as `start` has; `a` and `b` are WGSL. */
export interface Joining {
  readonly start: readonly string[];
  join(a: readonly string[], b: readonly string[]): string[];
}
export const sums = (count: number): Joining => ({ start: Array.from({ length: count }, () => '0f'), join: (a, b) => a.map((x, i) => `${x} + ${b[i]}`) });

const power = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

/** What is read of each element: its type, and its value at the element's index. */
export interface Read {
  readonly name: string;
  readonly type: 'f32' | 'bool';
  at(j: string): string;
}

export class Team {
  /** Threads of a team, and teams of a group. */
  readonly size: number;
  readonly per: number;
  /** Elements that each thread holds; 0: none, they are read again. */
  private readonly held: number;
  private readonly n: string;
  private readonly seen = new Set<string>();
  private folds = 0;

  /** Rows of n elements; `apart`: an element's neighbour in memory is of another row, so threads that are neighbours take neighbouring rows. */
  constructor(private readonly s: Shader, private readonly rows: number, n: number, private readonly apart: boolean) {
    this.size = !s.gpu.teams ? 1 : apart ? (n < 16 || rows >= 2 ** 17 ? 1 : 8) : Math.min(threads, Math.max(Math.min(32, power(n)), power(n / 8)));
    this.per = threads / this.size;
    const share = power(Math.ceil(n / this.size));
    this.held = share <= mostHeld ? share : 0;
    this.n = s.int(n);
  }

  /** The body for a team for each row: `line` is its row, `me` its thread. Rows that are not there are done like the last one, and not written. */
  body(text: string): Shader {
    const { s, size, per, rows, apart } = this;
    const count = s.int(rows);
    const [which, me] = apart ? [`lid % ${per}`, `lid / ${per}`] : [`lid / ${size}`, `lid % ${size}`];
    return s.rows(Math.ceil(rows / per), threads, `  let me = ${me};\n  let live = row * ${per} + ${which} < ${count};\n  let line = min(row * ${per} + ${which}, ${count} - 1);\n${text}`);
  }

  /** Statements for each element of a thread's share; `body` is told the index and the names of what is read, which is read once where it is held. */
  each(reads: readonly Read[], body: (j: string, values: readonly string[]) => string): string {
    if (!this.held) {
      return `  for (var j = me; j < ${this.n}; j += ${this.size}) {\n${reads.map((r) => `    let ${r.name} = ${r.at('j')};\n`).join('')}    ${body('j', reads.map((r) => r.name))}\n  }\n`;
    }
    const fresh = reads.filter((r) => !this.seen.has(r.name));
    for (const r of fresh) this.seen.add(r.name);
    const share = Array.from({ length: this.held }, (_, k) => k);
    const guarded = (k: number, text: string) => `  if (me + ${k * this.size} < ${this.n}) { let j = me + ${k * this.size}; ${text} }\n`;
    return `${share.map((k) => fresh.map((r) => `  var ${r.name}_${k}: ${r.type};\n`).join('') + (fresh.length ? guarded(k, fresh.map((r) => `${r.name}_${k} = ${r.at('j')};`).join(' ')) : '')).join('')
    }${share.map((k) => guarded(k, body('j', reads.map((r) => `${r.name}_${k}`)))).join('')}`;
  }

  /** Statements after which the variables `names` hold for every thread what all of its team found. */
  fold(names: readonly string[], { join }: Joining): string {
    if (this.size === 1) return '';
    const { apart, per, size } = this;
    const step = apart ? per : 1;
    const parts = names.map((_, i) => `parts${i}`);
    for (const p of parts) this.s.declare(`var<workgroup> ${p}: array<f32, ${threads}>;`);
    const at = (index: string) => parts.map((p) => `${p}[${index}]`);
    const store = parts.map((p, i) => `${p}[lid] = ${names[i]};`).join(' ');
    const joined = join(names, parts.map((_, i) => `other${i}`));
    const before = this.folds++ ? '  workgroupBarrier();\n' : ''; // all have read what the last one found
    return `${before}  ${store}
  workgroupBarrier();
  for (var half = ${size / 2}; half > 0; half = half >> 1) {
    if (me < half) {
      ${at(`lid + half * ${step}`).map((v, i) => `let other${i} = ${v};`).join(' ')}
      ${joined.map((v, i) => `let both${i} = ${v};`).join(' ')}
      ${names.map((name, i) => `${name} = both${i};`).join(' ')}
      ${store}
    }
    workgroupBarrier();
  }
  ${at(apart ? `lid % ${per}` : 'lid - me').map((v, i) => `${names[i]} = ${v};`).join(' ')}
`;
  }
}
