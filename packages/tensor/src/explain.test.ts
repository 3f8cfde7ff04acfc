import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clip, elementwise, explain, matmul } from '@heed/tensor';
import { opSamples } from '@heed/tensor/testing';

const test = suite('explain');

test('tells formula, derivatives, JavaScript loop and gpu.js kernel', () => {
  const area = elementwise('area', (a, b) => a.mul(b));
  assert.is(explain(area), `area(x, y) = (x * y)
d/dx = y
d/dy = x

const x0=x[0];
const x1=x[1];
const y0=y[0];
let q=0;
const s0_0=s[0][0];
const s1_0=s[1][0];
const n0=n[0];
for(let i0=0,p0_0=at[0],p1_0=at[1];i0<n0;i0++,p0_0+=s0_0,p1_0+=s1_0){
const v0=x0[p0_0];
const v1=x1[p1_0];
const v2=Math.fround(v0*v1);
y0[q]=v2;
q++;
}

function (x0, x1) {
  const v0 = x0[this.thread.x];
  const v1 = x1[this.thread.x];
  const v2 = v0 * v1;
  return v2;
}`);
});
test('has words for every op', () => {
  for (const { op } of opSamples) assert.ok(explain(op as never).length > 10);
});
test('tells of an op whose expression waits for attributes', () => assert.is(explain(clip), 'clip: one elementwise expression, made from its attributes.'));
test('tells of an op that is one kernel', () => assert.is(explain(matmul), 'matmul: one kernel; vjp by its own rules.'));

test.run();
