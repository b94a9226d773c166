import { expectNoViolations } from '../support/axe';
import { Run } from '../support/run';
import { newToken } from '../support/server';
import { expect, test } from '../support/test';

// The browser itself tells of each answer that says no: what is deleted is asked for once more, or a token is needed.
test.use({ allowed: [/status of 40[134]/] });

test('a run is deleted by who confirms it', async ({ page, server }) => {
  for (const name of ['a', 'b']) {
    await server.post(new Run('deploy', name).step('build', 0, 10).step('test', 10, 20).reports);
  }
  await page.goto('/c/deploy/1');
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete run #1?' });
  await expect(dialog).toContainText('Run #1 a of deploy. With it go its 2 events, for good.');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page).toHaveURL('/c/deploy/1');

  await page.getByRole('button', { name: 'Delete…' }).click();
  await dialog.getByRole('button', { name: 'Delete for good' }).click();
  await expect(page).toHaveURL('/c/deploy');
  const runs = page.locator('tbody').getByRole('row');
  await expect(runs).toHaveCount(1);
  await expect(runs).toContainText('#2 b');
  expect((await fetch(`${server.url}/api/contexts/deploy/timelines/1`)).status).toBe(404);

  await page.goto('/c/deploy/latest');
  await page.getByRole('button', { name: 'Delete…' }).click();
  const newest = page.getByRole('dialog', { name: 'Delete run #2?' });
  await expect(newest).toContainText('the next report begins it anew, under its number');
  await newest.getByRole('button', { name: 'Delete for good' }).click();
  await expect(page.getByRole('heading', { name: 'There are no runs' })).toBeVisible();
  await server.client('start', 'deploy', 'build');
  await expect(runs).toContainText('#2');
});

test('a context is deleted by who types its name', async ({ page, server }) => {
  for (const context of ['build', 'deploy \u202eof shop']) {
    await server.post(new Run(context).step('build', 0, 10).reports);
  }
  await page.goto('/');
  await page.getByRole('link', { name: 'deploy ⟨U+202E⟩of shop' }).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete deploy ⟨U+202E⟩of shop?' });
  await expect(dialog).toContainText('With it go its 1 run, for good');
  const action = dialog.getByRole('button', { name: 'Delete for good' });
  await expect(action).toBeDisabled();
  await dialog.getByRole('textbox').fill('deploy');
  await expect(action).toBeDisabled();
  await dialog.getByRole('textbox').fill('deploy ⟨U+202E⟩of shop');
  await action.click();
  await expect(page).toHaveURL('/');
  await expect(page.getByRole('link', { name: 'build' })).toBeVisible();
  await expect(page.locator('tbody').getByRole('row')).toHaveCount(1);
});

test('who deletes is asked for a token of the scope admin', async ({ page, server }) => {
  await server.post(new Run('deploy').step('build', 0, 10).reports);
  const ci = await newToken('ci', 'deploy');
  const chief = await newToken('chief', 'admin');
  await server.restartWith(ci.lines + chief.lines);
  await page.goto('/c/deploy/1');
  await page.getByRole('button', { name: 'Delete…' }).click();
  const order = page.getByRole('dialog', { name: 'Delete run #1?' });
  await order.getByRole('button', { name: 'Delete for good' }).click();
  const question = page.getByRole('dialog', { name: 'This needs a token with the scope admin' });
  await question.getByLabel('Token').fill(ci.token);
  await question.getByRole('button', { name: 'Go on' }).click();
  await expect(question.getByRole('alert')).toHaveText('the token "ci" has not the scope admin');
  await page.keyboard.press('Escape');
  await expect(order.getByRole('alert')).toContainText('scope admin');
  expect((await fetch(`${server.url}/api/contexts/deploy/timelines/1`)).status).toBe(200);
  await order.getByRole('button', { name: 'Delete for good' }).click();
  await question.getByLabel('Token').fill(chief.token);
  await question.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('heading', { name: 'There are no runs' })).toBeVisible();
});

test.describe('the dialogs', () => {
  // What checks the page is put into it as a script, which the server's policy forbids.
  test.use({ bypassCSP: true });

  for (const theme of ['light', 'dark'] as const) {
    test(`axe finds nothing in them in the ${theme} theme`, async ({ page, server }) => {
      await page.emulateMedia({ colorScheme: theme });
      await server.post(new Run('deploy').step('build', 0, 10).reports);
      for (const path of ['/c/deploy/1', '/c/deploy']) {
        await page.goto(path);
        await page.getByRole('button', { name: 'Delete…' }).click();
        await expect(page.getByRole('dialog')).toBeVisible();
        await expectNoViolations(page);
      }
    });
  }
});
