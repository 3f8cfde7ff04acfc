/** Attention as one kernel, forwards and backwards. There is none in js: what it means is said in smaller ops (ops/attention.ts). */
import { fusedFamily } from '../../backend.js';

export interface AttentionParams {
  /** 'forward': query, key, value -> output, logarithm of the sum. 'backward': query, key, value, that logarithm, delta, the output's gradient -> three gradients. */
  readonly direction: 'forward' | 'backward';
  readonly scale: number;
  /** Query t sees keys up to t + reach; null: all. */
  readonly reach: number | null;
  /** Whether a mask, and a bias, follow the other inputs. */
  readonly masked: boolean;
  readonly biased: boolean;
  /** Backwards: whether the bias's gradient follows the other three. */
  readonly needBias?: boolean;
}

export const attentionFamily = /* @__PURE__ */ fusedFamily<AttentionParams>('attention');
