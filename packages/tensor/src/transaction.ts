/** Assignments that come about together or not at all. */
import { door, withDoor } from './op.js';
import type { Tensor } from './tensor.js';
import type { Variable } from './variable.js';

/**
 * Runs `f`. The variables that it assigns change when it has returned, all of them, and none if it throws; reads inside see
 * what was assigned before. Inside another transaction, or while `jit` traces, it joins what is under way.
 */
export function transaction<R>(f: () => R): R {
  if (door.variables) return f();
  const next = new Map<Variable, Tensor>();
  const variables = {
    read: (v: Variable): Tensor => next.get(v) ?? v.stored,
    assign: (v: Variable, value: Tensor): void => { next.set(v, value); },
  };
  const result = withDoor({ variables }, f);
  next.forEach((value, v) => v.set(value));
  door.backend.committed?.([...next.keys()]);
  return result;
}
