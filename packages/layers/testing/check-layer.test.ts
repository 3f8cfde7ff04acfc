import { suite } from 'uvu';
import { matmul, mul, ShapeError, sum, tensor, Variable, type Shape, type Tensor } from '@heed/tensor';
import { refuses, scattered } from '@heed/tensor/testing';
import { stopGradient } from '@heed/autograd';
import { Layer, type CallOptions, type LayerDefaults, type LayerOptions, type SymbolicShape } from '../src/index.js';
import { checkLayer, type CheckLayerOptions, type LayerSample } from './index.js';

const test = suite('checkLayer');
const x = scattered([2, 3, 4]);
const masked = { x, mask: tensor([[true, true, false], [true, false, false]]) };

interface RightOptions extends LayerOptions {
  readonly factor?: number;
}
/** y = factor x kernel. */
class Right extends Layer<RightOptions> {
  static override readonly positional: readonly string[] = ['units'];
  static override readonly defaults: LayerDefaults<RightOptions> = { factor: 2 };
  kernel!: Variable;
  constructor(readonly units: number, o: RightOptions = {}) { super(o); }
  override build(shape: Shape | readonly Shape[]): void { this.kernel = this.addWeight('kernel', [(shape as Shape).at(-1)!, this.units]); }
  override call(v: Tensor, _o: CallOptions): Tensor {
    if (v.shape.at(-1) !== this.kernel.shape[0]) throw new ShapeError(`Right: expected x [..., ${this.kernel.shape[0]}], got [${v.shape.join(', ')}].`);
    return mul(matmul(v, this.kernel.value), this.o.factor);
  }
}
type Make = new (units: number, o?: RightOptions) => Layer;
const check = (cls: Make, o?: CheckLayerOptions, samples: readonly LayerSample[] = [masked, x]) => checkLayer((more) => new cls(2, { factor: 3, ...more }), samples, o);
/** That a layer which is wrong in one way is found out, in these words. */
const finds = (title: string, message: RegExp, cls: Make, o?: CheckLayerOptions, samples?: readonly LayerSample[]) =>
  test(`finds ${title}`, () => refuses(() => check(cls, o, samples), message));

test('accepts a right layer', () => check(Right, { weights: { kernel: [4, 2] } }));
test('names the layer, the sample and the law', () => refuses(() => check(Right, { weights: { kernel: [4, 3] } }),
  'checkLayer: Right, sample 0 (float32 [2, 3, 4]): weights: the weights are kernel [4, 2], and should be kernel [4, 3].'));
test('a law that is waived is not checked', () => check(Right, { weights: { kernel: [4, 3] }, without: { weights: 'a test' } }));

finds('names that are all the same', /names: two layers are both called same/, class extends Right {
  constructor(units: number, o: RightOptions = {}) { super(units, { ...o, name: 'same' }); }
});
test('finds a maker that makes one layer only', () => {
  const one = new Right(2);
  return refuses(() => checkLayer(() => one, [x]), /names: make gave the same layer twice/);
});

finds('a wrong shape', /shapes: computeOutputShape says \[2, 3, 9\], the output is \[2, 3, 2\]/, class extends Right {
  override computeOutputShape(s: SymbolicShape): SymbolicShape { return [...s.slice(0, -1), 9]; }
});
finds('a shape that is fixed where it is free', /shapes: computeOutputShape says \[2, 3, 2\] for batches of any size, the output for one of 4 is \[4, 3, 2\]/, class extends Right {
  override computeOutputShape(s: SymbolicShape): SymbolicShape { return [2, ...s.slice(1, -1), 2]; }
});

let serial = 0;
finds('names that change', /weights: one layer has kernel_\d+ \[4, 2\], the next kernel_\d+ \[4, 2\]/, class extends Right {
  override build(s: Shape): void { this.kernel = this.addWeight(`kernel_${serial++}`, [s.at(-1)!, 2]); }
}, { without: { shapes: 'a test' } });
finds('two weights of one name', /weights: two weights are called .*\/kernel/, class extends Right {
  override build(s: Shape): void {
    super.build(s);
    super.build(s);
  }
});
finds('weights that are made again', /weights: a second call, or building again, makes other weights/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor {
    if (v.shape[0] === 4) this.addWeight('more', []);
    return super.call(v, o);
  }
}, { without: { shapes: 'a test' } });

finds('a last axis that may be any', /refusals: a last axis of 5 is accepted/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v.slice(null, null, [0, 4]), o); }
});
finds('an error that is an accident', /refusals: a last axis of 5 ends in a TypeError/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor {
    if (v.shape.at(-1) === 5) throw new TypeError('undefined is not a shape');
    return super.call(v, o);
  }
});
finds('a refusal that comes too late', /refusals: a last axis of 5 is refused, but the weights have changed/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor {
    if (v.shape.at(-1) === 5) this.kernel.assign(this.kernel.value.mul(2));
    return super.call(v, o);
  }
});
finds('a first call that is refused after building', /refusals: a first call with scalars is refused, but the layer has weights now/, class extends Right {
  override build(s: Shape): void { this.kernel = this.addWeight('kernel', [s.at(-1) ?? 1, 2]); }
});

class Counting extends Right {
  readonly count = new Variable(0, { name: 'count', trainable: false });
  override get weights(): Variable[] { return [...super.weights, this.count]; }
}
finds('assignments outside of training', /training: .* is assigned outside of training/, class extends Counting {
  override call(v: Tensor, o: CallOptions): Tensor {
    const y = super.call(v, o);
    this.count.assign(this.count.value.add(1));
    return y;
  }
});
finds('an output that differs in training', /training: the output differs in training; if it should, say/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v, o).mul(o.training ? 2 : 1); }
});
finds('a state that is assigned in training', /training: .* is assigned in training; if it should, say/, class extends Counting {
  override call(v: Tensor, o: CallOptions): Tensor {
    if (o.training) this.count.assign(this.count.value.add(1));
    return super.call(v, o);
  }
});
finds('training that makes no difference', /: training: no output and no state differs in training/, Right, { training: true });

finds('a gradient of the input that is wrong', /gradients: checkGradient: input 0, order 1/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v.mul(stopGradient(v)), o); }
});
finds('a gradient of a weight that is wrong', /gradients: checkGradient: .*\/kernel, order 1/, class extends Right {
  override call(v: Tensor): Tensor { return matmul(v, stopGradient(this.kernel.value)); }
}, { without: { refusals: 'a test' } });
finds('a gradient that is wrong in training only', /gradients: in training: checkGradient: input 0/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(o.training ? v.mul(stopGradient(v)) : v, o); }
}, { training: true });
class Idle extends Right {
  override build(s: Shape): void {
    super.build(s);
    this.addWeight('idle', [1]);
  }
}
finds('a weight that is never used', /gradients: the gradient of idle is 0 in every sample/, Idle);
test('accepts an unused weight with a reason', () => check(Idle, { unused: { idle: 'a test' } }));
finds('a used weight that is called unused', /gradients: kernel has a gradient and/, Right, { unused: { kernel: 'a test' } });
finds('single precision on the way', /gradients: an output is float32 where/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v, o).cast('float32'); }
});
test('finds a maker that keeps the dtype to itself', () => refuses(() => checkLayer(() => new Right(2), [masked]), /gradients: the layer is float32; make must pass \{ dtype \} on/));

finds('a trace that differs from what is eager', /jit: jitted and eager, output 0/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v, o).mul(v.storage.kind === 'traced' ? 2 : 1); }
});

finds('samples without a mask', /Right: masks: no sample has a mask/, Right, {}, [x]);
finds('a mask that hides nothing', /masks: the mask of the sample hides nothing/, Right, {}, [{ x, mask: tensor([[true, true, true], [true, true, true]]) }]);
finds('masked values that reach the rest', /masks: output 0 depends on what the mask hides/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v.add(sum(v, { axis: 1, keepDims: true })), o); }
});
finds('a mask that keeps all and is not none', /masks: output 0 with a mask that keeps all is not that without one/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v, o).mul(o.mask ? 2 : 1); }
});
finds('a mask of another shape', /masks: the mask of output 0 is \[2, 3\], the output \[2, 2\]/, class extends Right {
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v, o).sum({ axis: 1 }); }
});
finds('a mask that apply drops', /masks: computeMask gives output 0 a mask, apply does not/, class extends Right {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  override apply(v: any, o?: any): any { return super.apply(v, o).add(0); }
});
finds('a mask that is heard as an option only', /masks: output 0 with a mask that the input carries is not that with the option/, class extends Right {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  override apply(v: any, o?: any): any { return super.apply(v, { ...o, loud: !!o?.mask }); }
  override call(v: Tensor, o: CallOptions & { loud?: boolean }): Tensor { return super.call(v, o).mul(o.loud ? 2 : 1); }
});

finds('an option that the configuration forgets', /config: factor is 3 in the configuration and 2 in that of the layer made from it|config: a layer from the configuration, output 0/, class extends Right {
  override getConfig() {
    const { factor: _, ...rest } = super.getConfig();
    return rest;
  }
});
finds('an option that the class does not state', /config: \w*: the option factor would be lost/, class extends Right {
  static override readonly defaults = {} as never;
}, { without: { shapes: 'a test' } });
finds('a configuration that is no JSON', /config: secret of getConfig is no plain JSON/, class extends Right {
  override getConfig() { return { ...super.getConfig(), secret: new Map([[1, 2]]) }; }
});
finds('state that a configuration and the weights do not hold', /config: a layer from the configuration, output 0/, class extends Right {
  readonly salt = serial++;
  override call(v: Tensor, o: CallOptions): Tensor { return super.call(v, o).mul(1 + this.salt); }
});
finds('call options that a file cannot hold', /file: .*a function without a name cannot be written/, Right, {}, [{ ...masked, options: { hook: (() => () => 1)() } }]);
test.run();
