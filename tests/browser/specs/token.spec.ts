import type { Page } from '@playwright/test';
import { expectNoViolations } from '../support/axe';
import { deploy, fillEditor, RENAME } from '../support/functions';
import { expectOutline, openDetails } from '../support/page';
import { Run } from '../support/run';
import { newToken } from '../support/server';
import { expect, test } from '../support/test';

// The browser itself tells of each answer that says no.
test.use({ allowed: [/status of 40[13]/] });

const question = (page: Page, scope: string) =>
  page.getByRole('dialog', { name: `This needs a token with the scope ${scope}` });

/** Answers the question as a person does who pastes a token. */
async function give(page: Page, scope: string, token: string): Promise<void> {
  const dialog = question(page, scope);
  await dialog.getByLabel('Token').fill(token);
  await dialog.getByRole('button', { name: 'Go on' }).click();
}

const keptInTab = (page: Page) => page.evaluate(() => sessionStorage.getItem('upto.token'));

test('who deploys is asked for a token, and told what is wrong with it', async ({ page, server }) => {
  const looker = await newToken('looker', 'read');
  const ci = await newToken('ci', 'deploy');
  await server.restartWith(looker.lines + ci.lines);
  await page.goto('/f/_new');
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('rename');
  await fillEditor(page, 'Code', RENAME);
  await fillEditor(page, 'Cases as JSON', '');
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  const dialog = question(page, 'deploy');
  await expect(dialog.getByLabel('Token')).toBeFocused();
  await expect(dialog.getByLabel('Token')).toHaveAttribute('type', 'password');
  await expect(dialog.getByLabel('Token')).toHaveAttribute('autocomplete', 'off');
  await give(page, 'deploy', 'two words');
  await expect(dialog.getByRole('alert')).toContainText('a token is one word');
  await give(page, 'deploy', 'upto_wrong');
  await expect(dialog.getByRole('alert')).toHaveText('the server does not know this token');
  await give(page, 'deploy', looker.token);
  await expect(dialog.getByRole('alert')).toHaveText('the token "looker" has not the scope deploy');
  await give(page, 'deploy', ci.token);
  await expect(page).toHaveURL('/f/rename');
  await expect(dialog).toHaveCount(0);

  // It is kept for this tab alone, until it is forgotten.
  await page.goto('/f/rename/source');
  await expect(page.getByText('by ci')).toBeVisible();
  expect(await keptInTab(page)).toBe(ci.token);
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(ci.token);
  await page.getByRole('button', { name: 'Forget token' }).click();
  await expect(page.getByRole('button', { name: 'Forget token' })).toHaveCount(0);
  expect(await keptInTab(page)).toBeNull();
  await expect(page.getByText('by ci')).toBeVisible();
});

test('an order that was left without a token can be given again', async ({ page, server }) => {
  await deploy(server, 'rename', { source: RENAME });
  const { token, lines } = await newToken('ci', 'admin');
  await server.restartWith(lines);
  await page.goto('/f/rename/versions');
  await page.getByRole('button', { name: 'Disable', exact: true }).click();
  const order = page.getByRole('dialog', { name: 'Disable rename?' });
  await order.getByRole('button', { name: 'Disable' }).click();
  await expect(question(page, 'deploy').getByLabel('Token')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(question(page, 'deploy')).toHaveCount(0);
  await expect(order.getByRole('alert')).toHaveText('this needs a token with the scope deploy');
  await order.getByRole('button', { name: 'Disable' }).click();
  await give(page, 'deploy', token);
  await expect(order).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Disable', exact: true })).toHaveCount(0);
});

test('where reading needs a token, all of the page does, streams and downloads too', async ({
  page,
  server,
}) => {
  await deploy(server, 'rename', { source: RENAME });
  await server.post(new Run('deploy').step('build', 0, 10).reports);
  const { token, lines } = await newToken('looker', 'read');
  await server.restartWith(`anonymous = []\n${lines}`);
  await page.goto('/c/deploy/1');
  await question(page, 'read').getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('heading', { name: 'Not without a token' })).toBeVisible();
  await page.getByRole('button', { name: 'Give a token' }).click();
  await question(page, 'read').getByLabel('Remember for this tab').uncheck();
  await give(page, 'read', token);
  await expectOutline(page, ['build']);
  await server.client('start', 'deploy', 'test');
  await expectOutline(page, ['build', 'test']);
  expect(await keptInTab(page)).toBeNull();
  const details = await openDetails(page, 'build');
  const json = page.waitForEvent('download');
  await details.getByRole('link', { name: 'This event as JSON' }).click();
  expect((await json).suggestedFilename()).toBe('event.json');

  await page.goto('/f/rename/tap');
  await give(page, 'read', token);
  await expect(page.getByText('Waiting for a report to pass…')).toBeVisible();
  await server.client('start', 'deploy', 'DB.Migrate');
  await expect(page.getByRole('list', { name: 'Reports, newest first' })).toContainText('db.migrate');

  await page.getByRole('link', { name: 'Source' }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toBe('rename.lua');
  expect(await (await download).failure()).toBeNull();
  await page.getByRole('button', { name: 'Forget token' }).click();
  await expect(question(page, 'read')).toBeVisible();
});

test.describe('the question', () => {
  // What checks the page is put into it as a script, which the server's policy forbids.
  test.use({ bypassCSP: true });

  for (const theme of ['light', 'dark'] as const) {
    test(`axe finds nothing in it in the ${theme} theme`, async ({ page, server }) => {
      await page.emulateMedia({ colorScheme: theme });
      const { token, lines } = await newToken('looker', 'read');
      await server.restartWith(`anonymous = []\n${lines}`);
      await page.goto('/');
      await expect(question(page, 'read')).toBeVisible();
      await expectNoViolations(page);
      await give(page, 'read', 'upto_wrong');
      await expect(question(page, 'read').getByRole('alert')).toBeVisible();
      await expectNoViolations(page);
      await page.keyboard.press('Escape');
      await expect(page.getByRole('heading', { name: 'Not without a token' })).toBeVisible();
      await expectNoViolations(page);
      await page.getByRole('button', { name: 'Give a token' }).click();
      await give(page, 'read', token);
      await expect(page.getByRole('button', { name: 'Forget token' })).toBeVisible();
      // What the token opens is on its way.
      await expect(page.getByRole('main')).toBeVisible();
      await expectNoViolations(page);
    });
  }
});
