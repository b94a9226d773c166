import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { deploy, RENAME } from '../support/functions';
import { Server } from '../support/server';
import { expect, test } from '../support/test';

const IMAGES = resolve(import.meta.dirname, '../../../docs/images');

/** On a server with the demo. */
const demo = test.extend<{ server: Server }>({
  server: async ({}, use) => {
    const server = await Server.start('--demo');
    await use(server);
    await server.dispose();
  },
});

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
}

demo('a timeline', async ({ page }) => {
  await page.goto('/c/deploy%20of%20shop/1');
  await expect(page.getByRole('treegrid')).toBeVisible();
  await picture(page, 'timeline');
});

test('a function, and what a change of it would do', async ({ page, server }) => {
  await deploy(server, 'rename', {
    source: RENAME,
    settings: { contexts: ['build'], on_error: 'dead-letter' },
  });
  const steps = ['Build.Compile', 'build.healthcheck', 'build.test', 'Build.Package', 'deploy.Copy'];
  const report = (i: number, host: string) =>
    ({ context: 'build', type: 'point', name: `${steps[i % steps.length]}.${i}`, host }) as const;
  await server.post(Array.from({ length: 200 }, (_, i) => report(i, `web-${i % 7}`)));
  await server.post([report(3, 'bad-host')]);
  await page.goto('/f/rename');
  await expect(page.getByRole('heading', { name: 'Last error' })).toBeVisible();
  await picture(page, 'function');
  await page.getByRole('link', { name: 'Edit and try' }).click();
  await page.getByRole('button', { name: 'Try', exact: true }).click();
  await expect(page.getByRole('status').filter({ hasText: 'changed' })).toBeVisible();
  await picture(page, 'try');
});
