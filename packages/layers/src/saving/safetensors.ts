/**
 * The safetensors format: 8 bytes of header length (little-endian), a JSON header, then the numbers.
 * Source: the format's specification, huggingface/safetensors.
 */
import { DTypeError, FormatError, tensor, type DType, type Tensor, type TypedArray } from '@heed/tensor';
import { allocate, bytesPer } from '@heed/tensor/dtype';

const codes: Record<DType, string> = { float32: 'F32', float64: 'F64', int32: 'I32', bool: 'BOOL' };
const limit = 100_000_000;

/** Named tensors, and texts beside them, as one file. */
export function toBytes(tensors: Readonly<Record<string, Tensor>>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  if (Object.hasOwn(tensors, '__metadata__')) throw new FormatError('safetensors: a tensor is called __metadata__, which is the name of the texts; call it otherwise.');
  const header: [string, unknown][] = Object.keys(metadata).length ? [['__metadata__', metadata]] : [];
  const parts: TypedArray[] = [];
  let at = 0;
  // Wider types first, so that every tensor is aligned.
  const names = Object.keys(tensors).sort((a, b) => bytesPer[tensors[b]!.dtype] - bytesPer[tensors[a]!.dtype] || (a < b ? -1 : 1));
  for (const name of names) {
    const x = tensors[name]!;
    const data = x.data();
    header.push([name, { dtype: codes[x.dtype], shape: [...x.shape], data_offsets: [at, at + data.byteLength] }]);
    parts.push(data);
    at += data.byteLength;
  }
  let text = JSON.stringify(Object.fromEntries(header));
  const encoder = new TextEncoder();
  text += ' '.repeat((8 - (encoder.encode(text).length % 8)) % 8);
  const head = encoder.encode(text);
  const out = new Uint8Array(8 + head.length + at);
  new DataView(out.buffer).setBigUint64(0, BigInt(head.length), true);
  out.set(head, 8);
  let to = 8 + head.length;
  for (const data of parts) {
    out.set(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength), to);
    to += data.byteLength;
  }
  return out;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const damaged = (why: string): never => {
  throw new FormatError(`safetensors: the file is damaged: ${why}.`);
};

/** A key that an object of a JSON text has twice, which JSON.parse does not tell; or null. */
function duplicateKey(text: string): string | null {
  const open: Set<string>[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      const keys = open[open.length - 1]!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return null;
}
const place = (entry: Entry | null, end: 0 | 1): number => entry?.data_offsets?.[end] ?? 0;

/** Tensors and texts of a file; whatever breaks a rule of the format is refused. */
export function fromBytes(bytes: Uint8Array): { tensors: Record<string, Tensor>; metadata: Record<string, string> } {
  if (bytes.length < 8) damaged(`it has ${bytes.length} bytes, the header's length alone takes 8`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > limit) damaged(`the header claims ${length} bytes; the format allows ${limit}`);
  if (8 + length > bytes.length) damaged(`the header claims ${length} bytes, the file has ${bytes.length - 8} after its first 8`);
  let header: Record<string, Entry>;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.slice(8, 8 + length));
    if (!text.startsWith('{')) damaged('the header does not begin with {');
    header = JSON.parse(text) as Record<string, Entry>;
    const twice = duplicateKey(text);
    if (twice !== null) damaged(`${twice} occurs twice in the header`);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    return damaged('the header is not JSON');
  }
  const body = bytes.subarray(8 + length);
  const { __metadata__: metadata = {}, ...entries } = header as unknown as Record<string, Entry> & { __metadata__?: Record<string, string> };
  if (typeof metadata !== 'object' || metadata === null || Object.values(metadata).some((v) => typeof v !== 'string')) damaged('__metadata__ must map texts to texts');
  const tensors: [string, Tensor][] = [];
  let covered = 0;
  for (const [name, entry] of Object.entries(entries).sort(([, a], [, b]) => place(a, 0) - place(b, 0) || place(a, 1) - place(b, 1))) {
    const { dtype: code, shape, data_offsets: offsets } = entry ?? {};
    if (!Array.isArray(shape) || shape.some((n) => !Number.isSafeInteger(n) || n < 0)) damaged(`the shape of ${name} is ${JSON.stringify(shape)}`);
    if (!Array.isArray(offsets) || offsets.length !== 2 || offsets.some((n) => !Number.isSafeInteger(n) || n < 0)) damaged(`the offsets of ${name} are ${JSON.stringify(offsets)}`);
    const [from, to] = offsets as unknown as [number, number];
    if (from !== covered) damaged(`${name} begins at ${from}, the tensor before it ends at ${covered}`);
    const dtype = (Object.keys(codes) as DType[]).find((d) => codes[d] === code);
    if (!dtype) throw new DTypeError(`safetensors: ${name} is ${code}; heed reads ${Object.values(codes).join(', ')}.`);
    const size = shape.reduce((n, d) => n * d, 1);
    if (!Number.isSafeInteger(size * bytesPer[dtype])) damaged(`the shape of ${name} is [${shape.join(', ')}], more than any file holds`);
    if (to - from !== size * bytesPer[dtype]) damaged(`${name} has ${to - from} bytes, [${shape.join(', ')}] of ${code} needs ${size * bytesPer[dtype]}`);
    if (to > body.length) damaged(`${name} ends at ${to}, the file has ${body.length} bytes of numbers`);
    covered = to;
    const data = allocate(dtype, size);
    new Uint8Array(data.buffer as ArrayBuffer).set(body.subarray(from, to));
    if (dtype === 'bool' && (data as Uint8Array).some((v) => v > 1)) damaged(`${name} is BOOL and holds other bytes than 0 and 1`);
    tensors.push([name, tensor(data, { shape })]);
  }
  if (covered !== body.length) damaged(`${body.length - covered} bytes belong to no tensor`);
  return { tensors: Object.fromEntries(tensors), metadata };
}

