import { ValueError } from '@heed/tensor';
import { Optimizer } from './optimizer.js';
import { Adam, RMSprop, SGD } from './optimizers.js';

export type OptimizerLike = Optimizer | string;

const named: Partial<Record<string, () => Optimizer>> = { sgd: () => new SGD(), rmsprop: () => new RMSprop(), adam: () => new Adam() };

/** An optimizer by Keras's name, with its defaults, or as it is. */
export function getOptimizer(which: OptimizerLike): Optimizer {
  if (which instanceof Optimizer) return which;
  const make = named[which.toLowerCase()];
  if (!make) throw new ValueError(`getOptimizer: there is no optimizer '${which}'; use ${Object.keys(named).join(', ')}.`);
  return make();
}
