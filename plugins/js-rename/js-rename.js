// One spelling for names, and hosts by the names that people know.

import { lookup } from "upto:transform/host@0.1.0";

// It is called with up to 256 reports, by columns, and returns one outcome for each.
export function transform(batch) {
  const text = texts(batch);
  return Array.from(batch.names, (name, i) => rename(text(name), text(batch.hosts[i])));
}

// Finds the texts of a batch by their indices. They are UTF-8, for which QuickJS has no TextDecoder.
function texts({ texts, offsets }) {
  return (index) => decodeURIComponent(escape(String.fromCharCode(...texts.subarray(offsets[index], offsets[index + 1]))));
}

function rename(name, host) {
  const dotted = name.toLowerCase().replaceAll("/", ".");
  const known = host === "" ? undefined : lookup("hosts", host);
  if (dotted === name && known === undefined) {
    return { tag: "keep" };
  }
  return { tag: "change", val: { name: dotted, host: known, without: {} } };
}
