/** @heed/autograd: reverse-mode differentiation of whatever passes the door. */
export { grad, jvp, leaves, stopGradient, valueAndGrad, vjp, type Gradients, type Tree } from './grad.js';
export { noGrad, Tape } from './tape.js';
export { hessian, jacobian } from './jacobian.js';
export { customGradient, type CustomSaved } from './custom-gradient.js';
export { checkpoint } from './checkpoint.js';
export { scan } from './scan.js';
