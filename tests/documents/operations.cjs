// Fails when an operation of clients/openapi.json is missing from what a generator made.
// usage: operations.cjs DOCUMENT GENERATED… with each operation's id as it is, or in camelCase
"use strict";
const fs = require("fs");
const path = require("path");

const [file, style, ...generated] = process.argv.slice(2);
const document = JSON.parse(fs.readFileSync(file, "utf8"));
const ids = Object.values(document.paths).flatMap((item) => Object.values(item).map((one) => one.operationId));
// Some generators write a file for each operation and name it there alone.
const text = generated.flatMap(files).map((name) => `${name}\n${fs.readFileSync(name, "utf8")}`).join("\n");

function files(place) {
  if (!fs.statSync(place).isDirectory()) return [place];
  return fs.readdirSync(place).flatMap((name) => files(path.join(place, name)));
}

const camel = (id) => id.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const name = { plain: (id) => id, camel }[style];
const missing = ids.filter((id) => !new RegExp(`\\b${name(id)}\\b`).test(text));
if (missing.length) {
  console.error(`missing from ${generated.join(", ")}: ${missing.join(", ")}`);
  process.exit(1);
}
console.log(`${generated.map((one) => path.basename(one)).join(", ")}: all ${ids.length} operations`);
