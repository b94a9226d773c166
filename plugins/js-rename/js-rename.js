// One spelling for names, and hosts by the names that people know.

import { lookup } from "upto:transform/host@0.1.0";

// It is called with up to 256 reports and returns one outcome for each. The texts of the reports come apart from them.
export function transform(texts, labels, reports) {
  return reports.map((report) => rename(texts[report.name], texts[report.host]));
}

function rename(name, host) {
  const dotted = name.toLowerCase().replaceAll("/", ".");
  const known = host === "" ? undefined : lookup("hosts", host);
  if (dotted === name && known === undefined) {
    return { tag: "keep" };
  }
  return { tag: "change", val: { name: dotted, host: known, without: {} } };
}
