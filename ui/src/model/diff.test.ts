import { expect, test } from 'vitest';
import type { Report } from '../api/function-types';
import { compareReports, fieldsOf, readDiff, sameReport } from './diff';

const kinds = (text: string) => readDiff(text).map(({ kind, text: line }) => `${kind}:${line}`);

test('reads a unified difference with its heads', () => {
  const text = '--- version 1\n+++ version 2\n@@ -1,3 +1,2 @@\n same\n--- a comment of Lua\n-old\n+new\n';
  expect(kinds(text)).toEqual([
    'place:--- version 1',
    'place:+++ version 2',
    'place:@@ -1,3 +1,2 @@',
    'same:same',
    'removed:-- a comment of Lua',
    'removed:old',
    'added:new',
  ]);
});

test('reads one without heads, and several after another', () => {
  expect(kinds('  {"a": 1}\n- {"b": 2}\n+ {"b": 3}')).toEqual([
    'same: {"a": 1}',
    'removed: {"b": 2}',
    'added: {"b": 3}',
  ]);
  expect(kinds('--- a\n+++ b\n@@ x\n+1\n--- c\n+++ d\n@@ y\n-2')).toEqual([
    'place:--- a',
    'place:+++ b',
    'place:@@ x',
    'added:1',
    'place:--- c',
    'place:+++ d',
    'place:@@ y',
    'removed:2',
  ]);
  expect(readDiff('')).toEqual([]);
  expect(kinds('-\n+a')).toEqual(['removed:', 'added:a']);
});

const report: Report = { type: 'start', host: '', name: 'db', context: 'deploy', labels: { b: '2', a: '1' } };

test('a report is told in one order, without what is empty', () => {
  expect(fieldsOf(report).map(({ key, value }) => `${key}=${value}`)).toEqual([
    'context=deploy',
    'name=db',
    'type=start',
    'labels.a=1',
    'labels.b=2',
  ]);
});

test('two reports are compared field by field', () => {
  const changed = compareReports(report, {
    ...report,
    name: 'Db',
    host: 'web-1',
    labels: { b: '3', name: 'x' },
  });
  expect(changed).toEqual([
    { key: 'context', before: 'deploy', after: 'deploy' },
    { key: 'name', before: 'db', after: 'Db' },
    { key: 'type', before: 'start', after: 'start' },
    { key: 'host', before: undefined, after: 'web-1' },
    { key: 'labels.a', before: '1', after: undefined },
    { key: 'labels.b', before: '2', after: '3' },
    { key: 'labels.name', before: undefined, after: 'x' },
  ]);
  expect(sameReport(report, { ...report, labels: { a: '1', b: '2' }, status: '' })).toBe(true);
  expect(sameReport(report, { ...report, labels: {} })).toBe(false);
});
