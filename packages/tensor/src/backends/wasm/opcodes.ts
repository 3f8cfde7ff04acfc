/** The WebAssembly instructions that heed's kernels use, by their names in the text format. */

type Words<Text extends string> = Text extends `${infer First} ${infer Rest}` ? First | Words<Rest> : Text;

/** Instructions on one type, whose codes follow one another from `first` on. */
const range = <Type extends string, Names extends string>(type: Type, first: number, names: Names): Record<`${Type}.${Words<Names>}`, number> =>
  Object.fromEntries(names.split(' ').map((name, i) => [`${type}.${name}`, first + i])) as Record<`${Type}.${Words<Names>}`, number>;

const relations = 'eq ne lt gt le ge';
const integerRelations = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';

/** One-byte instructions. */
const scalar = {
  select: 0x1b,
  ...range('i32', 0x45, `eqz ${integerRelations}`),
  ...range('f32', 0x5b, relations),
  ...range('i32', 0x6a, 'add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u'),
  ...range('f32', 0x92, 'add sub mul div'),
  'f32.convert_i32_s': 0xb2,
  'i32.reinterpret_f32': 0xbc,
  'f32.reinterpret_i32': 0xbe,
};

/** Vector instructions, all behind the prefix 0xfd. */
const vector = {
  'i32x4.splat': 0x11,
  'f32x4.splat': 0x13,
  ...range('i32x4', 0x37, integerRelations),
  ...range('f32x4', 0x41, relations),
  ...range('f64x2', 0x47, relations),
  ...range('v128', 0x4d, 'not and andnot or xor bitselect any_true'),
  'f32x4.demote_f64x2_zero': 0x5e,
  'f64x2.promote_low_f32x4': 0x5f,
  'i8x16.narrow_i16x8_u': 0x66,
  ...range('f32x4', 0x67, 'ceil floor trunc nearest'),
  'f64x2.floor': 0x75,
  'i16x8.narrow_i32x4_s': 0x85,
  'i16x8.extend_low_i8x16_u': 0x89,
  'f64x2.nearest': 0x94,
  ...range('i32x4', 0xa0, 'abs neg'),
  'i32x4.extend_low_i16x8_u': 0xa9,
  ...range('i32x4', 0xab, 'shl shr_s shr_u add'),
  'i32x4.sub': 0xb1,
  ...range('i32x4', 0xb5, 'mul min_s min_u max_s'),
  ...range('i64x2', 0xcb, 'shl shr_s shr_u add'),
  ...range('i64x2', 0xde, 'extmul_low_i32x4_u extmul_high_i32x4_u'),
  ...range('f32x4', 0xe0, 'abs neg'),
  ...range('f32x4', 0xe3, 'sqrt add sub mul div min max pmin pmax'),
  ...range('f64x2', 0xf0, 'add sub mul div min max pmin pmax'),
  'i32x4.trunc_sat_f32x4_s': 0xf8,
  'f32x4.convert_i32x4_s': 0xfa,
  'i32x4.trunc_sat_f64x2_s_zero': 0xfc,
  'f64x2.convert_low_i32x4_s': 0xfe,
  'f32x4.relaxed_madd': 0x105,
};

/** Loads and stores: [code, log2 of the alignment said], with prefix 0xfd from 0x100 up. */
const memory = {
  'i32.load': [0x28, 2], 'f32.load': [0x2a, 2], 'i32.load8_u': [0x2d, 0],
  'i32.store': [0x36, 2], 'f32.store': [0x38, 2], 'i32.store8': [0x3a, 0],
  'v128.load': [0x100, 2], 'v128.load32_splat': [0x109, 2], 'v128.store': [0x10b, 2],
  'v128.load8_lane': [0x154, 0], 'v128.load32_lane': [0x156, 2], 'v128.store8_lane': [0x158, 0], 'v128.store32_lane': [0x15a, 2],
  'v128.load32_zero': [0x15c, 0],
} as const;

/** Accesses to a lane, behind 0xfd. */
const lane = {
  ...range('i32x4', 0x1b, 'extract_lane replace_lane'),
  ...range('f32x4', 0x1f, 'extract_lane replace_lane'),
};

export type ScalarOp = keyof typeof scalar;
export type VectorOp = keyof typeof vector;
export type MemoryOp = keyof typeof memory;
export type LaneOp = keyof typeof lane;

export const scalarCode: Readonly<Record<string, number>> = scalar;
export const vectorCode: Readonly<Record<string, number>> = vector;
export const memoryCode: Readonly<Record<MemoryOp, readonly [number, number]>> = memory;
export const laneCode: Readonly<Record<LaneOp, number>> = lane;
