import { deploy, differences, fillEditor, MENDED, RENAME } from '../support/functions';
import { expect, test } from '../support/test';

// The browser itself tells of each answer that says no.
const refused = /status of 4\d\d/;

test.describe('what is refused', () => {
  test.use({ allowed: [refused] });

  test('is said where it is wrong: the line of the code, the case, the name', async ({ page }) => {
    await page.goto('/f/_new');
    const deployButton = page.getByRole('button', { name: 'Deploy', exact: true });
    await deployButton.click();
    await expect(page.getByRole('alert')).toContainText('Give the function a name.');

    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('rename');
    await fillEditor(page, 'Code', 'function transform(report)\n\treport.name = = 1\n\treturn report\nend\n');
    await deployButton.click();
    await expect(page.getByRole('alert')).toContainText('Line 2.');
    await expect(page.locator('.line-numbers .is-marked')).toHaveText('2');
    await expect(page.getByRole('textbox', { name: 'Code', exact: true })).toHaveAttribute(
      'aria-invalid',
      'true',
    );

    await fillEditor(page, 'Code', RENAME);
    const report = '{"context": "deploy", "name": "DB", "type": "start"}';
    await fillEditor(page, 'Cases as JSON', `[{"name": "shouts", "in": [${report}], "out": [${report}]}]`);
    await deployButton.click();
    const verdict = page.locator('.workbench-form .verdicts');
    await expect(verdict).toContainText('failed shouts');
    await expect(verdict.locator('.is-removed').first()).toContainText('DB');
    await expect(verdict.locator('.is-added').first()).toContainText('db');

    await fillEditor(page, 'Cases as JSON', '[\n{"name" 1}\n]');
    await deployButton.click();
    await expect(page.getByRole('alert')).toContainText('This is not JSON');
    await fillEditor(page, 'Cases as JSON', '');
    await deployButton.click();
    await expect(page).toHaveURL('/f/rename');
  });

  test('of a component is said beside its file', async ({ page }) => {
    await page.goto('/f/_new');
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('no-module');
    await page.getByRole('button', { name: 'Wasm' }).click();
    await fillEditor(page, 'Cases as JSON', '');
    await page.getByRole('button', { name: 'Deploy', exact: true }).click();
    await expect(page.getByRole('alert')).toContainText('Choose a component first');
    const file = { name: 'a.wasm', mimeType: 'application/wasm', buffer: Buffer.from('no module') };
    await page.getByLabel('Component').setInputFiles(file);
    await expect(page.getByText('a.wasm, 9 B')).toBeVisible();
    await page.getByRole('button', { name: 'Deploy', exact: true }).click();
    await expect(page.locator('.form-part').first().getByRole('alert')).not.toContainText('Choose');
    await expect(page.getByText('It was refused: see the code.')).toBeVisible();
  });
});

test('a change is tried with the last reports before it is deployed', async ({ page, server }) => {
  await deploy(server, 'rename', { source: RENAME });
  await server.post([
    { context: 'deploy', name: 'DB.Migrate', type: 'start' },
    { context: 'deploy', name: 'web', type: 'start', host: 'bad-host' },
    { context: 'deploy', name: 'web.healthcheck', type: 'point' },
  ]);
  await page.goto('/f/rename/try');
  await expect(page.getByRole('textbox', { name: 'Code', exact: true })).toHaveValue(RENAME);
  const trial = page.getByRole('region', { name: 'Try' });
  await trial.getByRole('button', { name: 'Try', exact: true }).click();
  await expect(trial.getByRole('status')).toHaveText('1 changed, 1 dropped, 1 failed');
  expect(await differences(trial)).toEqual(
    expect.arrayContaining(['− name DB.Migrate', '+ name db.migrate', '− the whole report']),
  );
  await expect(trial.locator('.fault')).toContainText('no such host');
  await expect(page.getByText('This began with version 1.')).toBeVisible();

  await fillEditor(
    page,
    'Code',
    MENDED.replace('\treturn report\n', '\tupto.log("info", report.name)\n\treturn report\n'),
  );
  await page.keyboard.press('Control+Enter');
  await expect(trial.getByRole('status')).toHaveText('2 changed, 1 dropped');
  await expect(trial.locator('.log-line').first()).toContainText('info');
  expect(await differences(trial)).toContain('+ labels.team platform');
  // What is opened shows the whole report.
  const first = trial.locator('.passage').filter({ hasText: 'DB.Migrate' });
  await first.locator('summary').click();
  await expect(first.locator('details .difference')).toContainText('context');

  await page.getByRole('button', { name: 'Deploy without activating' }).click();
  await expect(page.getByText('Version 2 was made; it is not active.')).toBeVisible();
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page.getByText('Nothing changed: this is version 2, which is active.')).toBeVisible();
});

test('what is being edited outlasts other views and a reload, until it is discarded', async ({
  page,
  server,
}) => {
  await deploy(server, 'rename', { source: RENAME });
  await page.goto('/f/rename/try');
  const code = page.getByRole('textbox', { name: 'Code', exact: true });
  await fillEditor(page, 'Code', MENDED);
  await page.getByRole('link', { name: 'Overview' }).click();
  await expect(page.locator('.big-number')).toBeVisible();
  await page.getByRole('link', { name: 'Edit and try' }).click();
  await expect(code).toHaveValue(MENDED);
  await page.reload();
  await expect(code).toHaveValue(MENDED);
  await page.getByRole('button', { name: 'Discard changes' }).click();
  await expect(code).toHaveValue(RENAME);
});

test('the editor is worked by keys, and the keyboard gets out of it', async ({ page }) => {
  await page.goto('/f/_new');
  const code = page.getByRole('textbox', { name: 'Code', exact: true });
  await code.fill('');
  await code.pressSequentially('function transform(report)');
  await page.keyboard.press('Enter');
  await page.keyboard.type('return report');
  await expect(code).toHaveValue('function transform(report)\n\treturn report');
  await page.keyboard.press('Shift+Tab');
  await expect(code).toHaveValue('function transform(report)\nreturn report');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Control+z');
  await expect(code).toHaveValue('function transform(report)\nreturn report');
  await expect(code).toBeFocused();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('textbox', { name: 'Order' })).toBeFocused();
  // The colours lie exactly under the letters.
  const [field, layer] = [
    await code.boundingBox(),
    await page.locator('.editor-stack .code-text').first().boundingBox(),
  ];
  expect(field).toEqual(layer);
});

test('what would be a version of another function is no new one', async ({ page, server }) => {
  await deploy(server, 'rename', { source: RENAME });
  await page.goto('/f/_new');
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('rename');
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('There is a function rename already.');
  await page.goto('/f/rename/versions');
  await expect(page.locator('tbody').getByRole('row')).toHaveCount(1);
});

test('hidden characters in code are told', async ({ page }) => {
  await page.goto('/f/_new');
  await fillEditor(page, 'Code', 'function transform(report)\n\t-- a\u202eb\n\treturn report\nend\n');
  await expect(page.getByText(/1 line holds characters that don’t show.*: 2/)).toBeVisible();
});
