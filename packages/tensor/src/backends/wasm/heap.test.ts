import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OutOfMemoryError } from '../../errors.js';
import { WasmHeap } from './heap.js';

const test = suite('wasm heap');
const mebi = 1 << 20;

test('gives aligned blocks that do not overlap', () => {
  const heap = new WasmHeap();
  const blocks = [1, 100, 64, 5000, 3].map((bytes) => ({ at: heap.reserve(bytes), bytes }));
  for (const { at } of blocks) assert.is(at % 16, 0);
  for (const a of blocks) for (const b of blocks) assert.ok(a === b || a.at + a.bytes <= b.at || b.at + b.bytes <= a.at);
});

test('takes the first free block that fits', () => {
  const heap = new WasmHeap();
  const [a, b] = [heap.reserve(256), heap.reserve(1024), heap.reserve(64)];
  heap.release(b);
  heap.release(a);
  assert.is(heap.reserve(1200), a);
});

test('joins free neighbours on both sides', () => {
  const heap = new WasmHeap();
  const [a, b, c] = [heap.reserve(128), heap.reserve(128), heap.reserve(128), heap.reserve(64)];
  heap.release(a);
  heap.release(c);
  heap.release(b);
  assert.is(heap.reserve(384), a);
});

test('gives zeroed blocks, used before or not', () => {
  const heap = new WasmHeap();
  const at = heap.reserve(400);
  heap.view('float32', at, 100).fill(7);
  heap.release(at);
  const again = heap.reserve(800);
  assert.is(again, at);
  assert.ok(heap.view('float32', again, 200).every((x) => x === 0));
});

test('ignores what it never gave', () => {
  const heap = new WasmHeap();
  const { used } = heap.usage;
  heap.release(12345);
  assert.is(heap.usage.used, used);
});

test('keeps old views of shared memory alive when it grows', () => {
  const heap = new WasmHeap({ shared: true });
  const at = heap.reserve(16);
  const old = heap.view('float32', at, 4);
  old[0] = 5;
  heap.reserve(64 * mebi);
  assert.is(heap.epoch, 0);
  old[1] = 6;
  assert.equal([...heap.view('float32', at, 4)], [5, 6, 0, 0]);
  assert.ok(heap.owns(old.buffer));
});

test('counts an epoch when memory that is not shared grows', () => {
  const heap = new WasmHeap({ shared: false });
  const at = heap.reserve(16);
  const old = heap.view('int32', at, 4);
  old[0] = 5;
  heap.reserve(64 * mebi);
  assert.is(heap.epoch, 1);
  assert.is(old.length, 0);
  assert.is(heap.view('int32', at, 4)[0], 5);
});

test('refuses what exceeds its limit, names the bytes, and stays as it was', () => {
  const heap = new WasmHeap({ limit: 4 * mebi });
  const kept = heap.reserve(mebi);
  const before = heap.usage;
  assert.throws(() => heap.reserve(8 * mebi), (e: unknown) => e instanceof OutOfMemoryError && /8388608 bytes/.test(e.message) && /4194304/.test(e.message));
  assert.equal(heap.usage, before);
  heap.release(kept);
  assert.ok(heap.reserve(3 * mebi) > 0);
});

test('does not touch the pages it reserves', () => {
  const heap = new WasmHeap();
  const before = process.memoryUsage().rss;
  heap.reserve(1024 * mebi);
  assert.ok(process.memoryUsage().rss - before < 64 * mebi);
});

test('survives random traffic without overlap or loss', () => {
  const heap = new WasmHeap();
  const live = new Map<number, number>();
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let i = 0; i < 3000; i++) {
    if (random() < 0.55 || !live.size) {
      const bytes = Math.ceil(random() ** 4 * 20000) + 1;
      const at = heap.reserve(bytes);
      for (const [b, n] of live) assert.ok(at + bytes <= b || b + n <= at);
      live.set(at, bytes);
    } else {
      const at = [...live.keys()][Math.floor(random() * live.size)];
      heap.release(at);
      live.delete(at);
    }
  }
  for (const at of live.keys()) heap.release(at);
  assert.is(heap.usage.used, 0);
});

test.run();
