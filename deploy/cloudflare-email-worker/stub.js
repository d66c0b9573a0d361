// Runs the worker under Node as Cloudflare would, for one mail, and prints what
// became of it as JSON: {"outcome": "delivered" | "rejected" | "threw", "reason"}.
//
//   node stub.js FROM TO FILE     with DOCUFLOW_URL and DOCUFLOW_INBOUND_SECRET set

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { webcrypto } from "node:crypto";
import { Readable } from "node:stream";

import worker from "./worker.js";

globalThis.crypto ??= webcrypto; // Node 18 has it under another name

const [from, to, file] = process.argv.slice(2);
const result = { outcome: "delivered", reason: "" };
const message = {
  from,
  to,
  raw: Readable.toWeb(createReadStream(file)),
  rawSize: (await stat(file)).size,
  headers: new Headers(),
  setReject(reason) {
    result.outcome = "rejected";
    result.reason = reason;
  },
};
try {
  await worker.email(message, process.env, { waitUntil() {} });
} catch (error) {
  result.outcome = "threw";
  result.reason = String(error.message);
}
console.log(JSON.stringify(result));
