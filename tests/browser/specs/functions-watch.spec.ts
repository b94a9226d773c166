import { deploy, MENDED, RENAME } from '../support/functions';
import { expect, test } from '../support/test';

const start = (name: string, host = 'web-1') => ({ context: 'deploy', name, type: 'start', host }) as const;

test('logs come as they are written, by level, and rest in a pause', async ({ page, server }) => {
  const source = (level: string) =>
    `function transform(report)\n\tupto.log("${level}", report.name)\n\treturn report\nend\n`;
  await deploy(server, 'logs', { source: source('info') });
  await page.goto('/f/logs/logs');
  await expect(page.getByText('It has logged nothing yet.')).toBeVisible();
  await server.post([start('first')]);
  const log = page.getByRole('list', { name: 'Log' });
  await expect(log.getByRole('listitem')).toHaveText([/info.*v1.*first/]);
  await deploy(server, 'logs', { source: source('error') });
  await server.post([start('second')]);
  await expect(log.getByRole('listitem')).toHaveText([/first/, /error.*v2.*second/]);
  await page.getByRole('button', { name: 'error', exact: true }).click();
  await expect(log.getByRole('listitem')).toHaveText([/second/]);

  await page.getByRole('button', { name: 'Pause' }).click();
  await server.post([start('third')]);
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(log.getByRole('listitem')).toHaveText([/second/, /third/]);
});

test('the tap shows reports before and after', async ({ page, server }) => {
  await deploy(server, 'rename', { source: RENAME });
  await page.goto('/f/rename/tap');
  await expect(page.getByText('Waiting for a report to pass…')).toBeVisible();
  await server.post([start('DB.Migrate')]);
  const reports = page.getByRole('list', { name: 'Reports, newest first' });
  const first = reports.locator('.passage').filter({ hasText: 'DB.Migrate' });
  await expect(first).toContainText('changed');
  await expect(first.locator('.passage-brief .is-removed')).toContainText('DB.Migrate');
  await expect(first.locator('.passage-brief .is-added')).toContainText('db.migrate');

  await page.getByLabel('Leave out what comes out as it went in').check();
  await server.post([start('kept'), start('web.healthcheck'), start('broken', 'bad-host')]);
  await expect(reports.locator('.passage')).toHaveCount(3);
  await expect(reports.locator('.passage').filter({ hasText: 'web.healthcheck' })).toContainText('dropped');
  await expect(reports.locator('.passage').filter({ hasText: 'bad-host' })).toContainText('no such host');

  await page.getByRole('searchbox', { name: 'Filter reports' }).fill('MIGRATE');
  await expect(reports.locator('.passage')).toHaveCount(1);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('Paused: what passes meanwhile is not shown.')).toBeVisible();
});

test('dead letters are replayed through the current version, or deleted', async ({ page, server }) => {
  await deploy(server, 'rename', { source: RENAME, settings: { on_error: 'dead-letter' } });
  await server.post([start('one', 'bad-host'), start('two', 'bad-host'), start('three', 'bad-host')]);
  await page.goto('/f/rename/dead-letters');
  const letters = page.getByRole('list', { name: 'Dead letters' }).locator('.passage');
  await expect(letters).toHaveCount(3);
  const one = letters.filter({ hasText: 'one' });
  await expect(one).toContainText('no such host');
  await expect(one).toContainText('v1');

  await one.getByRole('button', { name: 'Replay' }).click();
  await expect(page.getByText('Replayed 1 report: 0 went through, 1 failed again.')).toBeVisible();
  await letters.filter({ hasText: 'three' }).getByRole('button', { name: 'Delete…' }).click();
  await expect(page.getByRole('dialog')).toContainText('three');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await expect(letters).toHaveCount(2);

  await deploy(server, 'rename', { source: MENDED, settings: { on_error: 'dead-letter' } });
  await letters.filter({ hasText: 'one' }).getByRole('button', { name: 'Replay' }).click();
  await expect(page.getByText('Replayed 1 report: 1 went through.')).toBeVisible();
  await expect(letters).toHaveCount(1);
  await page.goto('/c/deploy/1');
  await expect(page.getByRole('treegrid').getByText('one', { exact: true })).toBeVisible();

  await page.goto('/f/rename/dead-letters');
  await page.getByRole('button', { name: 'Delete all…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await expect(page.getByText(/^None\./)).toBeVisible();
});
