import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { callHook, deploy, functionRow, HOOK, RENAME } from '../support/functions';
import { expect, test } from '../support/test';

const HOOKS = join(import.meta.dirname, '../../../scripts/hooks');

const card = (page: Page, title: string) =>
  page.locator('.card').filter({ has: page.getByRole('heading', { name: title, exact: true }) });
const tab = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name });

test('a hook is read with its cases, which are what it is tried with', async ({ page, server }) => {
  const source = await readFile(join(HOOKS, 'alertmanager.lua'), 'utf8');
  const cases = JSON.parse(await readFile(join(HOOKS, 'alertmanager.cases.json'), 'utf8')) as object[];
  await deploy(server, 'alertmanager', { source, cases });
  await page.goto('/f/alertmanager/source');
  await expect(page.getByRole('region', { name: 'Code of alertmanager, version 1' })).toContainText(
    'upto.json.decode',
  );
  await expect(page.getByRole('heading', { name: `${cases.length} cases` })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Cases' })).toContainText('Bearer amsecret');

  await tab(page, 'Edit and try').click();
  await expect(page.getByRole('textbox', { name: 'Code', exact: true })).toHaveValue(source);
  const trial = page.getByRole('region', { name: 'Try' });
  await expect(trial).toContainText('those come from its cases only');
  await expect(trial.getByRole('button', { name: 'Last reports' })).toHaveCount(0);
  await trial.getByRole('button', { name: 'Try', exact: true }).click();
  await expect(trial.getByRole('status')).toHaveText(`${cases.length} cases passed`);
  // What is deployed again is the same: no member of a case was lost.
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page.getByText('Nothing changed: this is version 1, which is active.')).toBeVisible();
});

test('of one that only receives the requests are told, and nothing of reports', async ({ page, server }) => {
  await deploy(server, 'steps', { source: HOOK, settings: { on_error: 'dead-letter' } });
  expect(await callHook(server, 'steps', { method: 'POST', body: '["unpack", "start"]' })).toBe(200);
  expect(await callHook(server, 'steps', { method: 'GET' })).toBe(405);
  expect(await callHook(server, 'steps/new', { method: 'POST', body: 'no JSON,\n<b>\u202etwo lines' })).toBe(
    422,
  );

  await page.goto('/f/steps');
  await expect(page.locator('.big-number')).toHaveText('3 received');
  await expect(card(page, 'Reports')).toHaveCount(0);
  const counts = card(page, 'Requests').locator('.flow-counts div');
  for (const text of ['taken, 2 reports made of them', 'refused', 'failed']) {
    await expect(counts.filter({ hasText: text })).toContainText('1 33 %');
  }
  const failure = card(page, 'Last error');
  await expect(failure).toContainText('The sender of the request was told, and nothing was taken of it.');
  await expect(failure.locator('.diff-line')).toContainText([
    'method POST',
    'path /new',
    'body no JSON,\n<b>⟨U+202E⟩two lines',
  ]);
  await expect(card(page, 'What it is').locator('dt')).toHaveText([
    'State',
    'Language',
    'Does',
    'Hook',
    'Deployed',
    'SHA-256',
  ]);

  await expect(tab(page, 'Logs')).toBeVisible();
  await expect(tab(page, 'Tap')).toHaveCount(0);
  await expect(tab(page, 'Dead letters')).toHaveCount(0);
  await page.goto('/f/steps/tap');
  await expect(page.getByText('Waiting for a report to pass…')).toBeVisible();

  await page.goto('/f');
  const numbers = functionRow(page, 'steps').locator('td.is-number');
  await expect(numbers).toHaveText(['–', '3 requests', '2 made', '1 refused', '1 request', /[µm]s/, /[µm]s/]);
});

test('of one that only receives, settings for reports are not shown', async ({ page, server }) => {
  await deploy(server, 'steps', { source: HOOK });
  await page.goto('/f/steps/source');
  await expect(page.getByRole('region', { name: 'Code of steps, version 1' })).toBeVisible();
  await expect(page.getByText('a report on which it fails')).toHaveCount(0);
  await tab(page, 'Versions').click();
  await expect(page.getByRole('columnheader', { name: 'Made' })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: /Contexts|Order/ })).toHaveCount(0);
  await tab(page, 'Edit and try').click();
  await expect(page.getByRole('checkbox', { name: 'Memory: it keeps' })).toBeVisible();
  const main = page.getByRole('main');
  for (const name of ['Order', 'Contexts', 'On error']) await expect(main.getByLabel(name)).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Typed reports' })).toHaveCount(0);
  await page.goto('/f');
  await expect(page.getByText('They make reports of requests.')).toBeVisible();
});

test('a new hook begins with the other example, which works', async ({ page, server }) => {
  await page.goto('/f/_new');
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('jobs');
  const example = page.getByRole('group', { name: 'Example' });
  await example.getByRole('button', { name: 'Makes reports of a webhook' }).click();
  await expect(page.getByText('Its address will be POST /hooks/jobs')).toBeVisible();
  const code = page.getByRole('textbox', { name: 'Code', exact: true });
  const source = await code.inputValue();
  expect(source).toContain('function receive(request)');
  const trial = page.getByRole('region', { name: 'Try' });
  await trial.getByRole('button', { name: 'Try', exact: true }).click();
  await expect(trial.getByRole('status')).toHaveText('1 case passed');

  // What somebody has written is not replaced.
  await code.fill(`${source}-- mine`);
  await expect(example.getByRole('button', { name: 'Changes reports' })).toBeDisabled();
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page).toHaveURL('/f/jobs');
  const job = '{"project": "deploy", "name": "unpack", "passed": false, "runner": "web-1"}';
  expect(await callHook(server, 'jobs', { method: 'POST', body: job })).toBe(200);
  await expect(page.locator('.big-number')).toHaveText('1 received');
});

test('of one that does both, both are told', async ({ page, server }) => {
  await deploy(server, 'both', { source: RENAME + HOOK });
  expect(await callHook(server, 'both', { method: 'POST', body: '["Unpack"]' })).toBe(200);
  await page.goto('/f/both');
  await expect(card(page, 'Reports').locator('.big-number')).toHaveText('1 received');
  await expect(card(page, 'Requests').locator('.big-number')).toHaveText('1 received');
  await expect(card(page, 'What it is')).toContainText('goes on unchanged');
  await expect(tab(page, 'Tap')).toBeVisible();
  await page.goto('/f');
  const received = functionRow(page, 'both').locator('td.is-number').nth(1);
  await expect(received.locator('div')).toHaveText(['1', '1 request']);
});
