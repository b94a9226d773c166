import { casesText, type Form } from './draft';

/** A function that works and shows the three things most are written for: rename, map, drop. */
const SOURCE = `-- Each report passes here before it is stored. Return it to keep it, nil to drop it.
local known = { ["10.0.4.9"] = "db-1", ["10.0.4.10"] = "db-2" }

function transform(report)
	if report.name:find("healthcheck", 1, true) then
		return nil
	end
	report.name = report.name:lower()
	report.host = known[report.host] or report.host
	return report
end
`;

const CASES = casesText([
  {
    name: 'names become lower case, hosts get the names that people know',
    in: [{ context: 'deploy', name: 'DB.Migrate', type: 'start', host: '10.0.4.9' }],
    out: [{ context: 'deploy', name: 'db.migrate', type: 'start', host: 'db-1' }],
  },
  {
    name: 'health checks are dropped',
    in: [{ context: 'deploy', name: 'web.healthcheck', type: 'point' }],
    out: [],
  },
]);

const HOOK_SOURCE = `-- Each request to its address comes here. Return a report, or a list.
function receive(request)
	local job = upto.json.decode(request.body)
	return {
		context = job.project,
		name = job.name,
		type = "end",
		status = if job.passed then "success" else "failure",
		host = job.runner,
		time = upto.time(job.finished),
	}
end
`;

const HOOK_CASES = casesText([
  {
    name: 'a job that is over is the end of a step',
    request: {
      json: {
        project: 'deploy',
        name: 'db.migrate',
        passed: true,
        runner: 'db-1',
        finished: '2026-11-22T14:00:00Z',
      },
    },
    out: [
      {
        context: 'deploy',
        name: 'db.migrate',
        type: 'end',
        time: '2026-11-22T14:00:00Z',
        host: 'db-1',
        status: 'success',
      },
    ],
  },
]);

/** Code with its cases, to begin with. */
export interface Example {
  readonly title: string;
  readonly source: string;
  readonly cases: string;
}

export const EXAMPLES: readonly Example[] = [
  { title: 'Changes reports', source: SOURCE, cases: CASES },
  { title: 'Makes reports of a webhook', source: HOOK_SOURCE, cases: HOOK_CASES },
];

/** The example that a form holds as it was, or null: then somebody has written there. */
export function exampleOf({ source, cases }: Form): Example | null {
  return EXAMPLES.find((each) => each.source === source && each.cases === cases) ?? null;
}

/** Reports to try the first example with. */
export const EXAMPLE_REPORTS = `[
  { "context": "deploy", "name": "DB.Migrate", "type": "start", "host": "10.0.4.9" },
  { "context": "deploy", "name": "web.healthcheck", "type": "point", "host": "web-1" },
  { "context": "deploy", "name": "Web.Restart", "type": "end", "host": "web-1", "status": "success" }
]
`;

/** What a new function begins with. */
export const EXAMPLE: Form = {
  name: '',
  language: 'lua',
  source: SOURCE,
  order: '',
  contexts: '',
  onError: 'pass',
  memory: false,
  cases: CASES,
};
