/** Reductions, and what broadcasting needs: a sum's gradient expands, an expansion's gradient sums. */
import { reduceFamily, type ReduceKind } from '../backends/js/reduce.js';
import { tensor, type Like } from '../create.js';
import { toFloat, type DType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { defineOp, run1, type Op, type Rule } from '../op.js';
import { broadcastStrides, broadcastShapes, formatShape, normalizeAxes, reducedShape, reshapeStrides, sameShape, sizeOf, type Axis, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';

