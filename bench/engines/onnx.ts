/** ONNX models in memory: the few protocol-buffer fields that a graph of standard nodes needs. */

type Field = readonly [number: number, value: number | string | Uint8Array | Float32Array];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** A message: whole numbers as varints, everything else as bytes with their length. */
function message(...fields: readonly Field[]): Uint8Array {
  const parts = fields.map(([number, value]) => {
    if (typeof value === 'number') return Uint8Array.from([...varint(number << 3), ...varint(value)]);
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value instanceof Float32Array ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : value;
    return Buffer.concat([Uint8Array.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
  });
  return Buffer.concat(parts);
}

const float = 1;
const int64 = 7;

/** AttributeProto: whole numbers, lists of them, texts and floats (as `{ float }`). */
export type Attribute = number | readonly number[] | string | { readonly float: number };

function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === 'number') return message([1, name], [3, value], [20, 2]);
  if (typeof value === 'string') return message([1, name], [4, value], [20, 3]);
  if ('float' in value) return Buffer.concat([message([1, name]), Uint8Array.from([(2 << 3) | 5]), new Uint8Array(Float32Array.of(value.float).buffer), message([20, 1])]);
  return message([1, name], ...(value as readonly number[]).map((v): Field => [8, v]), [20, 7]);
}

const valueInfo = (name: string, shape: readonly number[] | null): Uint8Array => {
  const dims = shape && message(...shape.map((n): Field => [1, message([1, n])]));
  return message([1, name], [2, message([1, message([1, float], ...(dims ? [[2, dims] as Field] : []))])]);
};

/** A model in the making: nodes are added in order, each names its result. */
export class Graph {
  private readonly nodes: Uint8Array[] = [];
  private readonly constants: Uint8Array[] = [];
  private count = 0;

  /** Adds a node with one output, and gives the output's name. */
  node(type: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const output = `v${this.count++}`;
    const fields = [...inputs.map((x): Field => [1, x]), [2, output], [4, type], ...Object.entries(attributes).map(([k, v]): Field => [5, attribute(k, v)])] as Field[];
    this.nodes.push(message(...fields));
    return output;
  }

  /** A small constant: floats with a shape, or a list of whole numbers (axes). */
  constant(values: Float32Array | readonly number[], shape: readonly number[] = [values.length]): string {
    const name = `c${this.count++}`;
    const floats = values instanceof Float32Array;
    const raw = floats ? values : new Uint8Array(BigInt64Array.from(values as readonly number[], BigInt).buffer);
    this.constants.push(message(...shape.map((n): Field => [1, n]), [2, floats ? float : int64], [8, name], [9, raw]));
    return name;
  }

  /** The model as bytes, its only output being `result`. */
  model(inputs: ReadonlyMap<string, readonly number[]>, result: string, opset = 23): Uint8Array {
    const graph = message(
      ...this.nodes.map((n): Field => [1, n]), [2, 'row'], ...this.constants.map((c): Field => [5, c]),
      ...[...inputs].map(([name, shape]): Field => [11, valueInfo(name, shape)]), [12, valueInfo(result, null)],
    );
    return message([1, 10], [7, graph], [8, message([1, ''], [2, opset])]);
  }
}
