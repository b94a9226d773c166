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

/** Reports to try the example with. */
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
