import { expect, type Locator, type Page } from '@playwright/test';

/** The rows of the treegrid as an indented outline, a shut row with a `+`. */
export async function outline(page: Page): Promise<string[]> {
  return await page.locator('[role=treegrid] [role=row][aria-level]').evaluateAll((rows) =>
    rows.map((row) => {
      const indent = '  '.repeat(Number(row.getAttribute('aria-level')) - 1);
      const shut = row.getAttribute('aria-expanded') === 'false' ? '+' : '';
      return `${indent}${shut}${row.querySelector('.tree-label')!.textContent}`;
    }),
  );
}

export async function expectOutline(page: Page, rows: string[]): Promise<void> {
  await expect.poll(() => outline(page)).toEqual(rows);
}

/** A row of the treegrid by what it is labelled. */
export function row(page: Page, label: string): Locator {
  const exact = page.locator('.tree-label').getByText(label, { exact: true });
  return page.getByRole('treegrid').getByRole('row').filter({ has: exact });
}

/** Opens a row's details and returns the panel. */
export async function openDetails(page: Page, label: string): Promise<Locator> {
  await row(page, label).click();
  const details = page.getByRole('complementary', { name: 'Details' });
  await expect(details).toBeVisible();
  return details;
}

/** A fact of the details panel. */
export function fact(details: Locator, title: string): Locator {
  return details.locator('dl > div').filter({ has: details.page().getByText(title, { exact: true }) });
}

/** Remembers this document. The function that it returns checks that it is still the same: no reload. */
export async function markDocument(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => Object.assign(window, { marked: true }));
  return async () => expect(await page.evaluate(() => 'marked' in window)).toBe(true);
}

export function plot(page: Page): Locator {
  return page.getByRole('img', { name: /^Chart: / });
}

/** Seconds that the address says are shown, or null where it says all. */
export function shownRange(page: Page): { from: number; to: number } | null {
  const query = new URL(page.url()).searchParams;
  if (!query.has('from')) return null;
  return { from: Number(query.get('from')), to: Number(query.get('to')) };
}

/** Waits for the address to name another range and returns it. */
export async function nextRange(
  page: Page,
  last: { from: number; to: number } | null,
): Promise<{ from: number; to: number } | null> {
  await expect.poll(() => shownRange(page)).not.toEqual(last);
  return shownRange(page);
}

/**
 * How many pixels of the row's band on the canvas have each of the colours that are no background, most
 * frequent first.
 */
export async function bandColors(page: Page, label: string): Promise<Map<string, number>> {
  const band = await row(page, label).boundingBox();
  const canvas = await plot(page).boundingBox();
  const colors = await plot(page).evaluate(
    (element, { top, height }) => {
      const drawn = element as HTMLCanvasElement;
      const scale = drawn.height / drawn.clientHeight;
      // On a copy: reading the chart's own canvas would change how the browser draws it.
      const copy = new OffscreenCanvas(drawn.width, Math.round(height * scale)).getContext('2d')!;
      copy.drawImage(drawn, 0, -Math.round(top * scale));
      const { data } = copy.getImageData(0, 0, drawn.width, Math.round(height * scale));
      const counts: Record<string, number> = {};
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3]! < 255) continue;
        const color = `${data[i]},${data[i + 1]},${data[i + 2]}`;
        counts[color] = (counts[color] ?? 0) + 1;
      }
      return counts;
    },
    { top: band!.y - canvas!.y, height: band!.height },
  );
  return new Map(Object.entries(colors).sort((a, b) => b[1] - a[1]));
}
