import { expect, type Locator, type Page } from '@playwright/test';
import type { Server } from './server';

interface Deployment {
  source: string;
  cases?: readonly object[];
  settings?: { order?: number; contexts?: string[]; on_error?: 'pass' | 'drop' | 'dead-letter' };
  activate?: boolean;
}

/** Writes names in lower case, drops health checks, and fails where the host is `bad-host`. */
export const RENAME = `-- One spelling for all names.
function transform(report)
	if report.name:find("healthcheck", 1, true) then
		return nil
	end
	if report.host == "bad-host" then error("no such host") end
	if report.name ~= report.name:lower() then report.name = report.name:lower() end
	return report
end
`;

/** The same without the fault, and with a label. */
export const MENDED = RENAME.replace(
  '\tif report.host == "bad-host" then error("no such host") end\n',
  '',
).replace('\treturn report\n', '\treport.labels.team = "platform"\n\treturn report\n');

/** A hook: a step of each name in the body. It refuses a GET, and fails where the body is no JSON. */
export const HOOK = `function receive(request)
	if request.method == "GET" then upto.refuse(405, "only POST is taken") end
	local reports = {}
	for _, name in upto.json.decode(request.body) do
		table.insert(reports, { context = "deploy", type = "start", name = name })
	end
	return reports
end
`;

/** Calls a hook as a foreign system would. Returns the status of the answer. */
export async function callHook(server: Server, name: string, init: RequestInit): Promise<number> {
  return (await fetch(`${server.url}/hooks/${name}`, init)).status;
}

/** Deploys by the API, as a program would. */
export async function deploy(server: Server, name: string, deployment: Deployment): Promise<void> {
  const response = await fetch(`${server.url}/api/functions/${name}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ language: 'lua', ...deployment }),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** The row of a function in the list. */
export function functionRow(page: Page, name: string): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
}

/** The lines of all differences within, with their signs: `− name DB`. */
export async function differences(within: Locator): Promise<string[]> {
  return await within
    .locator('.passage-brief .diff-line')
    .evaluateAll((lines) =>
      lines.map((line) => line.textContent!.replace(/\s+/g, ' ').replace(/^([−+])/, '$1 ')),
    );
}

/** Puts code into the field of an editor as a person does who pastes it over all. */
export async function fillEditor(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByRole('textbox', { name: label, exact: true });
  await field.fill(text);
  await expect(field).toHaveValue(text);
}
