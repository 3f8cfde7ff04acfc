/** Elements as whole numbers in the same order, so that comparing them knows no NaN and no second zero. */
import type { Shader, ShaderType } from './shader.js';

const floatOrder = `fn float_order(x: f32, flip: i32) -> i32 {
  let b = bitcast<i32>(x);
  let size = b & 0x7fffffff;
  return select(select(size, -size, b < 0) ^ flip, 0x7fffffff, size > 0x7f800000);
}`;

/** The number of an element; `flipped`: in the opposite order. NaN comes last in either. */
export function orderOf(s: Shader, type: ShaderType, flipped: boolean): (value: string) => string {
  if (type === 'f32') s.declare(floatOrder);
  const flip = flipped ? -1 : 0;
  return (value) => (type === 'f32' ? `float_order(${value}, ${flip})` : `(i32(${value}) ^ ${flip})`);
}
