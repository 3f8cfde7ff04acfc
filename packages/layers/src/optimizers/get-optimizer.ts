import { ValueError } from '@heed/tensor';
import { deserialize, type Written } from '../config.js';
import { Optimizer } from './optimizer.js';
import { Adam, RMSprop, SGD } from './optimizers.js';

export type OptimizerLike = Optimizer | string | Written;

const named: Partial<Record<string, typeof SGD | typeof RMSprop | typeof Adam>> = { sgd: SGD, rmsprop: RMSprop, adam: Adam };

/** An optimizer by Keras's name, with its defaults, by its configuration, or as it is. */
export function getOptimizer(which: OptimizerLike): Optimizer {
  if (which instanceof Optimizer) return which;
  const name = typeof which === 'string' ? which : which.class_name;
  const known = named[name.toLowerCase()];
  if (typeof which !== 'string') return (known ? known.fromConfig(which.config) : deserialize(which, 'getOptimizer')) as Optimizer;
  if (!known) throw new ValueError(`getOptimizer: there is no optimizer '${which}'; use ${Object.keys(named).join(', ')}.`);
  return new known();
}
