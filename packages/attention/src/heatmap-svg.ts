import { cells, number, share, visible, type Grid } from './heatmap-grid.js';

const CELL = 22;
const CHARACTER = 8.5; // pixels per terminal cell at 14 px, with room to spare
const GAP = 8;

const STYLE = `
.heed-heatmap{--paper:#fff;--ink:#08306b;--text:#1f2328;--soft:#59636e;--line:#d8dee4;background:var(--paper);max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.heed-heatmap{--paper:#0d1117;--ink:#ffd866;--text:#e6edf3;--soft:#9198a1;--line:#30363d}}
.heed-heatmap text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"Noto Sans Mono","Noto Sans",monospace;fill:var(--text);direction:ltr;unicode-bidi:isolate}
.heed-heatmap .title{font:600 15px system-ui,sans-serif}
.heed-heatmap .soft{font:12px system-ui,sans-serif;fill:var(--soft)}
.heed-heatmap .frame{fill:none;stroke:var(--line)}
.heed-heatmap .cell{fill:var(--ink);stroke:var(--line);stroke-width:.5}
.heed-heatmap .cell:hover{stroke:var(--text);stroke-width:2}
.heed-heatmap stop{stop-color:var(--ink)}`.replace(/\n/g, '');

/** Draws a grid as one self-contained SVG element; see `heatmap.svg`. */
export function drawSvg(grid: Grid): string {
  const rows = grid.rows.map(visible);
  const columns = grid.columns.map(visible);
  const title = grid.title === '' ? 'Heat map' : grid.title;
  const widest = Math.max(...columns.map(cells));
  const turned = widest > 2;
  const left = Math.ceil(Math.max(...rows.map(cells)) * CHARACTER) + 2 * GAP;
  const header = turned ? Math.ceil(widest * CHARACTER) + GAP : CELL;
  const top = (grid.title === '' ? 0 : 30) + header + GAP;
  const [w, h] = [columns.length * CELL, rows.length * CELL];
  const width = Math.max(left + w, left + 200, title.length * 9 + left) + 2 * GAP;
  const height = top + h + 46;
  const id = `heatmap-${fingerprint(JSON.stringify(grid))}`;

  const out: string[] = [];
  out.push(
    `<svg xmlns="http://www.w3.org/2000/svg" class="heed-heatmap" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-desc">`,
    `<title id="${id}-title">${escape(title)}</title>`,
    `<desc id="${id}-desc">${escape(describe(grid))}</desc>`,
    `<style>${STYLE}</style>`,
  );
  if (grid.title !== '') out.push(`<text class="title" x="${left}" y="22">${escape(grid.title)}</text>`);
  columns.forEach((label, c) => {
    const x = left + (c + 0.5) * CELL;
    out.push(
      turned
        ? `<text transform="translate(${x + 5} ${top - GAP}) rotate(-90)">${escape(label)}</text>`
        : `<text x="${x}" y="${top - GAP}" text-anchor="middle">${escape(label)}</text>`,
    );
  });
  rows.forEach((label, r) => {
    out.push(`<text x="${left - GAP}" y="${top + (r + 0.5) * CELL + 5}" text-anchor="end">${escape(label)}</text>`);
    grid.values[r]!.forEach((value, c) => {
      const tip = `${label} ← ${columns[c]!}: ${number(value)}`;
      out.push(
        `<rect class="cell" x="${left + c * CELL}" y="${top + r * CELL}" width="${CELL}" height="${CELL}" fill-opacity="${+share(value, grid).toFixed(3)}"><title>${escape(tip)}</title></rect>`,
      );
    });
  });
  const y = top + h + 18;
  out.push(
    `<rect class="frame" x="${left}" y="${top}" width="${w}" height="${h}"/>`,
    `<defs><linearGradient id="${id}-scale"><stop offset="0" stop-opacity="0"/><stop offset="1" stop-opacity="1"/></linearGradient></defs>`,
    `<rect x="${left}" y="${y}" width="120" height="10" fill="url(#${id}-scale)"/><rect class="frame" x="${left}" y="${y}" width="120" height="10"/>`,
    `<text class="soft" x="${left}" y="${y + 24}">${number(grid.low)}</text>`,
    `<text class="soft" x="${left + 120}" y="${y + 24}" text-anchor="end">${number(grid.high)}</text>`,
    `<text class="soft" x="${left + 130}" y="${y + 9}">weight</text>`,
    '</svg>',
  );
  return out.join('\n');
}

/** Draws a grid as a page of its own; see `heatmap.html`. */
export function drawHtml(grid: Grid): string {
  const title = escape(grid.title === '' ? 'Heat map' : grid.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>:root{color-scheme:light dark}body{margin:24px;background:#fff}@media (prefers-color-scheme:dark){body{background:#0d1117}}</style>
</head>
<body>
${drawSvg(grid)}
</body>
</html>
`;
}

/** For readers who do not see the picture: the size, the scale, and where each row looks most. */
function describe(grid: Grid): string {
  const strongest = grid.values.map((row, r) => {
    const c = row.indexOf(Math.max(...row));
    return `${visible(grid.rows[r]!)} at ${visible(grid.columns[c]!)} (column ${c + 1}, ${number(row[c]!)})`;
  });
  const size = `${grid.values.length} rows, ${grid.columns.length} columns, scale ${number(grid.low)} to ${number(grid.high)}`;
  return `${size}. Largest weight of each row: ${strongest.join('; ')}.`;
}

function escape(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Cs}/gu, '�')
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A short name that depends on the content alone, so that several maps can stand in one page (FNV-1a). */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}
