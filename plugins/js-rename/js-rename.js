// One spelling for names, and hosts by the names that people know.

import { lookup } from "upto:transform/host@0.1.0";

// It is called with up to 256 reports and returns one outcome for each.
export function transform(reports) {
  return reports.map(rename);
}

function rename(report) {
  const name = report.name.toLowerCase().replaceAll("/", ".");
  const host = report.host === "" ? report.host : (lookup("hosts", report.host) ?? report.host);
  if (name === report.name && host === report.host) {
    return { tag: "keep" };
  }
  return { tag: "replace", val: { ...report, name, host } };
}
