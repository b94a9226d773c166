import { expectNoViolations } from '../support/axe';
import { openDetails, row } from '../support/page';
import { Run } from '../support/run';
import { expect, test } from '../support/test';

// What checks the page is put into it as a script, which the server's policy forbids.
test.use({ bypassCSP: true });

for (const theme of ['light', 'dark'] as const) {
  test(`axe finds nothing in the ${theme} theme`, async ({ page, server }) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.goto('/');
    await expect(page.locator('code')).toBeVisible();
    await expectNoViolations(page);

    for (const [index, took] of [10, 11, 30].entries()) {
      const run = new Run('deploy', `gh-${index}`).new({ branch: 'main', url: 'https://ci.example.net/1' });
      run.step('build.api', 0, took, {
        host: 'ci-1',
        labels: { compiler: 'gcc', log: 'https://ci.example.net/2' },
      });
      run
        .step('build.web', 0, 5, { host: 'ci-1', status: 'failure' })
        .step('build.web', 0, 5, { host: 'ci-2' });
      await server.post(
        run.point('approved', 5).end('unpack', 4).step('lint', 1, 2, { status: 'skipped' }).reports,
      );
    }
    await server.post(new Run('deploy', 'gh-2').start('rollout', 30).reports);
    await page.reload();
    await expect(page.getByRole('img', { name: /^Last 3 runs/ })).toBeVisible();
    await expectNoViolations(page);

    await page.goto('/c/deploy');
    await expect(page.locator('tbody').getByRole('row')).toHaveCount(3);
    await expectNoViolations(page);

    await page.goto('/c/deploy/2');
    await expect(page.getByRole('status').filter({ hasText: 'newer run' })).toBeVisible();
    await openDetails(page, 'build');
    await expectNoViolations(page);
    await openDetails(page, 'api');
    await expect(page.getByRole('complementary').getByRole('list', { name: 'Labels' })).toBeVisible();
    await page.getByRole('searchbox').fill('b');
    await expect(page.locator('.search-count')).not.toBeEmpty();
    await page.keyboard.press('Escape');
    await page.goto('/c/deploy/latest?group=host&time=absolute&from=1&to=9');
    await expect(row(page, 'rollout')).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole('button', { name: 'Keys' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await expectNoViolations(page);
  });
}
