import type { Locator, Page } from '@playwright/test';
import { deploy, functionRow, MENDED, RENAME } from '../support/functions';
import type { Server } from '../support/server';
import { expect, test } from '../support/test';

const start = (name: string, host: string) => ({ context: 'deploy', name, type: 'start', host }) as const;
const confirm = async (page: Page, button: string) => {
  await page.getByRole('dialog').getByRole('button', { name: button, exact: true }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
};
const versionRow = (page: Page, number: number) =>
  page
    .locator('tbody')
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name: new RegExp(`^${number}\\b`) }) });

/** Deploys two versions, of which the first is active, and opens the question for a canary of the second. */
async function askForCanary(page: Page, server: Server, first: string, second: string): Promise<Locator> {
  await deploy(server, 'rename', { source: first });
  await deploy(server, 'rename', { source: second, activate: false });
  await page.goto('/f/rename/versions');
  await versionRow(page, 2).getByRole('button', { name: 'Canary' }).click();
  return page.getByRole('dialog');
}

const canaryCard = (page: Page) =>
  page.locator('.card').filter({ has: page.getByRole('heading', { name: 'Canary: version 2' }) });

test('versions are compared, rolled back and activated, and each question says what will happen', async ({
  page,
  server,
}) => {
  await deploy(server, 'rename', { source: RENAME });
  await deploy(server, 'rename', { source: MENDED, settings: { contexts: ['deploy'] } });
  await page.goto('/f/rename/versions');
  await expect(page.locator('tbody').getByRole('row')).toHaveCount(2);
  await expect(versionRow(page, 2)).toContainText('active');
  const difference = page.getByRole('region', { name: 'Difference from version 1 to version 2' });
  await expect(difference.locator('.is-added').first()).toContainText('report.labels.team = "platform"');
  await expect(difference.locator('.is-removed').first()).toContainText('no such host');
  await versionRow(page, 1).getByRole('button', { name: 'Compare' }).click();
  await page.getByRole('combobox', { name: 'from version' }).selectOption('2');
  await expect(page.getByText('Nothing differs.')).toBeVisible();

  await versionRow(page, 1).getByRole('button', { name: 'Roll back' }).click();
  await expect(page.getByRole('dialog')).toContainText('Version 1 takes the reports in place of version 2.');
  await confirm(page, 'Roll back');
  await expect(versionRow(page, 1)).toContainText('active');
  await versionRow(page, 2).getByRole('button', { name: 'Activate' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(versionRow(page, 1)).toContainText('active');

  await page.getByRole('button', { name: 'Disable' }).click();
  await confirm(page, 'Disable');
  await expect(page.locator('.function-head')).toContainText('disabled');
  await versionRow(page, 2).getByRole('button', { name: 'Activate' }).click();
  await confirm(page, 'Activate');
  await expect(page.locator('.function-head')).toContainText('active');
});

test('a canary is started, watched and promoted', async ({ page, server }) => {
  const dialog = await askForCanary(page, server, RENAME, MENDED);
  await expect(dialog).toContainText('Version 2 takes the reports of 10 % of the hosts');
  await dialog.getByLabel('Share').fill('250');
  await dialog.getByRole('button', { name: 'Start' }).click();
  await expect(dialog.getByRole('alert')).toContainText('up to 100');
  await dialog.getByLabel('Share').fill('100');
  await dialog.getByLabel('Chosen by').selectOption('context');
  await confirm(page, 'Start');
  await expect(versionRow(page, 2)).toContainText('canary');

  await server.post([start('DB', 'web-1'), start('web', 'web-2')]);
  await page.getByRole('link', { name: 'Overview' }).click();
  await expect(page.getByRole('heading', { name: 'Canary: version 2' })).toBeVisible();
  await expect(page.getByText('2 reports so far, 0 failed (0 %)')).toBeVisible();
  await page.getByRole('link', { name: 'Promote or end it' }).click();
  await page.getByRole('button', { name: 'Promote the canary' }).click();
  await confirm(page, 'Promote');
  await expect(versionRow(page, 2)).toContainText('active');
  await expect(page.getByRole('button', { name: 'Promote the canary' })).toHaveCount(0);
});

test('a canary that fails is rolled back, and the page says so', async ({ page, server }) => {
  const dialog = await askForCanary(page, server, MENDED, RENAME);
  await dialog.getByLabel('Share').fill('100');
  await confirm(page, 'Start');
  await expect(versionRow(page, 2)).toContainText('canary');
  await server.post(Array.from({ length: 200 }, (_, at) => start(`step-${at}`, 'bad-host')));
  await expect(page.getByRole('status').filter({ hasText: 'version 2, was rolled back' })).toContainText(
    'over the limit of 5.0 %',
  );
  await expect(versionRow(page, 2)).not.toContainText('canary');
});

test('what a canary takes and why it failed is told', async ({ page, server }) => {
  const dialog = await askForCanary(page, server, MENDED, RENAME);
  await dialog.getByLabel('Share').fill('100');
  await confirm(page, 'Start');
  await server.post([start('web', 'bad-host')]);
  await page.getByRole('link', { name: 'Overview' }).click();
  const canary = canaryCard(page);
  await expect(canary).toContainText(
    /1 report so far, 1 failed \(100 %\)\. 99 of 100 take at most [\d.]+ [µm]s\./,
  );
  await expect(canary.locator('.fault')).toContainText('no such host');
});

test('of a canary in the shadow that fails it is told what would go on', async ({ page, server }) => {
  const dialog = await askForCanary(page, server, MENDED, RENAME);
  await dialog.getByLabel('Share').fill('100');
  await dialog.getByLabel('In shadow').check();
  await confirm(page, 'Start');
  await server.post([start('web', 'bad-host')]);
  await page.goto('/f/rename');
  const canary = canaryCard(page);
  await expect(canary.getByRole('heading', { name: 'One that came out different' })).toBeVisible();
  await expect(canary).toContainText(/The canary failed: .*no such host/);
  await expect(canary).toContainText('By its settings the report goes on unchanged.');
  await expect(canary.locator('.is-removed')).toContainText('labels.team platform');
});

test('a canary is ended by hand', async ({ page, server }) => {
  const dialog = await askForCanary(page, server, RENAME, MENDED);
  await dialog.getByLabel('In shadow').check();
  await expect(dialog).toContainText('only the results are compared');
  await confirm(page, 'Start');
  await page.goto('/f');
  await expect(functionRow(page, 'rename')).toContainText('in the shadow: version 2');
  await page.goto('/f/rename/versions');
  await page.getByRole('button', { name: 'End the canary' }).click();
  await confirm(page, 'End it');
  await expect(versionRow(page, 2)).not.toContainText('canary');
  await expect(versionRow(page, 1)).toContainText('active');
});

test('to delete a function its name must be typed', async ({ page, server }) => {
  await deploy(server, 'rename', { source: RENAME });
  await deploy(server, 'other', { source: RENAME });
  await page.goto('/f/rename/versions');
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('With it go its 1 version, for good.');
  const button = dialog.getByRole('button', { name: 'Delete for good' });
  await expect(button).toBeDisabled();
  await dialog.getByLabel('To go on, type rename').fill('renam');
  await expect(button).toBeDisabled();
  await dialog.getByLabel('To go on, type rename').fill('rename');
  await button.click();
  await expect(page).toHaveURL('/f');
  await expect(functionRow(page, 'other')).toBeVisible();
  await expect(functionRow(page, 'rename')).toHaveCount(0);
});
