/** The passes that turn what was traced into what is run, in order; the bodies of loops go through them, too. */
import { fuseAround } from './fuse-around.js';
import { fuseMaps } from './fuse.js';
import { isLoop, settle, type Body } from './loop.js';
import { gatherSums, shareLoops } from './loop-passes.js';
import { dropUnread, shareEqual } from './simplify.js';
import { skipCopies } from './skip-copies.js';
import type { Work } from './work.js';

export function optimize(work: Work): Work {
  const less = [shareEqual, shareLoops, dropUnread, gatherSums, fuseMaps, skipCopies, fuseAround, dropUnread].reduce((w, pass) => pass(w), work);
  const nodes = less.nodes.map((node) => {
    if (!isLoop(node)) return node;
    const { params } = node.call;
    const body = optimize(params.body) as Body;
    return settle({ ...node, call: { ...node.call, params: { ...params, body } } }, work.graph);
  });
  return { ...less, nodes };
}
