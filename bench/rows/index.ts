/** Every row, question by question. */
import type { Gpu, Row } from '../row.js';
import { rows as attention } from './attention.js';
import { rows as convolution } from './convolution.js';
import { rows as eager } from './eager.js';
import { rows as elementwise } from './elementwise.js';
import { gpuQuestions } from './gpu.js';
import { rows as matmul } from './matmul.js';
import { rows as reduce } from './reduce.js';
import { rows as normalization } from './rows.js';
import { rows as size } from './size.js';
import { rows as start } from './start.js';
import { rows as training } from './training.js';

/** Rows by question; each question gets a process of its own, so that a row's times depend on no other question's rows. */
export const questions: Readonly<Record<string, readonly Row[]>> = { matmul, elementwise, reduce, rows: normalization, convolution, attention, training, eager, start, size };
export const rows: readonly Row[] = Object.values(questions).flat();

const onGpu = new Map<Gpu, Readonly<Record<string, readonly Row[]>>>();
export function questionsOf(gpu: Gpu | undefined): Readonly<Record<string, readonly Row[]>> {
  if (!gpu) return questions;
  const made = onGpu.get(gpu) ?? gpuQuestions(gpu);
  onGpu.set(gpu, made);
  return made;
}
export const allRows = (gpu: Gpu | undefined): readonly Row[] => Object.values(questionsOf(gpu)).flat();
