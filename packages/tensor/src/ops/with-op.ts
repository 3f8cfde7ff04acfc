import type { Op } from '../op.js';

/** A function on tensors that knows its op, so that `explain` and `checkOp` can be asked about the function. */
export type OpFunction<F, A = void> = F & { readonly op: Op<A> };

export const withOp = <F extends object, A>(op: Op<A>, f: F): OpFunction<F, A> => Object.assign(f, { op });
