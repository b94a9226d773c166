import { expect, test } from 'vitest';
import { Kind, State } from '../model/bars';
import { AXIS_PX, ROW_PX } from '../model/layout';
import { testBars, type TestRow } from '../model/testing';
import { drawRows } from './draw-rows';
import type { Frame } from './frame';
import type { Palette } from './palette';
import type { Renderer } from './renderer';

/** Each colour is its own name, so that what was drawn reads well. */
const palette = new Proxy({}, { get: (_, name) => name }) as Palette;

/** Draws rows in a view of 100 s on 1,000 px and tells the calls, `text` calls as their texts. */
function draw(rows: TestRow[], more: Partial<Frame> = {}): { calls: string[]; texts: string[] } {
  const calls: string[] = [];
  const texts: string[] = [];
  const recorder = new Proxy({} as Renderer, {
    get: (_, method: string) => {
      if (method === 'measure') return (text: string) => text.length * 6;
      if (method === 'clip')
        return (_x: number, _y: number, _w: number, _h: number, inside: () => void) => inside();
      return (...parameters: unknown[]) => {
        if (method === 'text') texts.push(String(parameters[0]));
        else calls.push([method, ...parameters.map((each) => JSON.stringify(each))].join(' '));
      };
    },
  });
  const bars = testBars(rows);
  drawRows(recorder, {
    bars,
    rows: Int32Array.from(bars.label.keys()),
    isShut: () => false,
    width: 1000,
    height: AXIS_PX + 10 * ROW_PX,
    scrollTop: 0,
    view: { from: 0, to: 100 },
    now: 100,
    timeMode: 'relative',
    palette,
    ...more,
  });
  return { calls, texts };
}

const steps = (count: number): TestRow[] =>
  Array.from({ length: count }, (_, i) => ({ name: `s${i}`, start: i / 1000, end: 50 }));

test('only rows on the screen are drawn', () => {
  const bars = ({ calls }: { calls: string[] }) => calls.filter((call) => call.startsWith('bar ')).length;
  expect(bars(draw(steps(5000)))).toBe(10);
  expect(bars(draw(steps(5000), { scrollTop: 2000 * ROW_PX + 5 }))).toBe(11);
  expect(bars(draw(steps(3)))).toBe(3);
});

test('a bar is where its times are, at least two pixels wide, and cut off far outside', () => {
  const middle = AXIS_PX + ROW_PX / 2;
  expect(draw([{ name: 'a', start: 10, end: 30 }]).calls).toContain(`bar 100 ${middle - 6} 200 12 "ended"`);
  expect(draw([{ name: 'a', start: 10, end: 10.001 }]).calls).toContain(`bar 100 ${middle - 6} 2 12 "ended"`);
  const wide = draw([{ name: 'a', start: -1e9, end: 1e9 }]);
  expect(wide.calls).toContain(`bar -8 ${middle - 6} 1016 12 "ended"`);
});

test('each state differs by more than colour', () => {
  const shape = (row: TestRow) =>
    draw([row])
      .calls.map((call) => call.replace(/"[a-z]+"/gi, '').replace(/[\d.-]+/g, ''))
      .join('|');
  const shapes = [
    shape({ name: 'ended' }),
    shape({ name: 'skipped', status: 1 }),
    shape({ name: 'failed', state: State.failed }),
    shape({ name: 'running', state: State.running, end: null }),
    shape({ name: 'unfinished', state: State.unfinished, end: null }),
    shape({ name: 'waiting', state: State.waiting, start: null }),
    shape({ name: 'point', kind: Kind.point }),
    shape({ name: 'again', restart: 5 }),
  ];
  expect(new Set(shapes).size).toBe(shapes.length);
});

test('captions tell what is not just well', () => {
  expect(draw([{ name: 'a', status: 2 }]).texts).toEqual(['10.0 s']);
  expect(draw([{ name: 'a', state: State.failed, status: 4 }]).texts).toEqual(['10.0 s · timeout']);
  expect(draw([{ name: 'a', state: State.unfinished, start: 30, end: null }]).texts).toEqual(['no end']);
  expect(draw([{ name: 'a', state: State.waiting, start: null }]).texts).toEqual(['no start']);
});

test('a bar outside the view leaves a hint of where it is', () => {
  const view = { from: 40, to: 60 };
  expect(draw([{ name: 'a', start: 0, end: 10 }], { view }).texts).toEqual(['‹']);
  expect(draw([{ name: 'a', start: 70, end: 80 }], { view }).texts).toEqual(['›']);
});

test('a shut group shows what went on inside', () => {
  const rows: TestRow[] = [
    { name: 'g', kind: Kind.group, start: 0, end: 90 },
    { name: 'g.a', depth: 1, start: 0, end: 30 },
    { name: 'g.b', depth: 1, start: 60, end: 90, state: State.failed },
    { name: 'g.c', depth: 1, start: 45, end: null, kind: Kind.point },
  ];
  const { calls } = draw(rows, { rows: Int32Array.of(0), isShut: () => true });
  const strips = calls.filter((call) => /^rect .* 12 /.test(call));
  expect(strips).toHaveLength(3);
  expect(strips[0]).toMatch(/^rect 0 \d+ 300 12 "ended"/);
  expect(strips[1]).toMatch(/^rect 600 \d+ 300 12 "ended"/);
  expect(strips[2]).toMatch(/^rect 600 \d+ 300 12 "failed"/);
  expect(calls.filter((call) => call.startsWith('diamond 450.5'))).toHaveLength(1);
});
