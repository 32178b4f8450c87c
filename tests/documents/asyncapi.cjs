// Reads clients/asyncapi.json with AsyncAPI's own parser, validates every example against its message's schema, and
// generates models with Modelina: one for every message.
"use strict";
const fs = require("fs");
const path = require("path");
const { Parser } = require("@asyncapi/parser");
const { TypeScriptFileGenerator } = require("@asyncapi/modelina");
const Ajv = require("ajv");

const [file, out] = process.argv.slice(2);

async function main() {
  const text = fs.readFileSync(file, "utf8");
  const { document, diagnostics } = await new Parser().parse(text);
  const errors = diagnostics.filter((one) => one.severity === 0);
  errors.forEach((one) => console.error(`${one.code} ${one.path.join(".")}: ${one.message}`));
  if (!document || errors.length) throw new Error(`@asyncapi/parser: ${errors.length} errors`);
  const faults = examples(JSON.parse(text));
  faults.forEach((fault) => console.error(fault));
  if (faults.length) throw new Error(`${faults.length} examples are not valid`);
  await models(JSON.parse(text));
}

function examples(document) {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, "document");
  const faults = [];
  for (const [key, message] of Object.entries(document.components.messages)) {
    if (!message.examples?.length) faults.push(`${key} has no example`);
    const { $ref } = message.payload;
    const validate = ajv.compile($ref ? { $ref: `document${$ref}` } : message.payload);
    for (const { payload } of message.examples ?? []) {
      if (!validate(payload)) faults.push(`${key}: ${ajv.errorsText(validate.errors)}`);
    }
  }
  return faults;
}

async function models(document) {
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out, { recursive: true });
  const generator = new TypeScriptFileGenerator({ modelType: "interface", enumType: "union" });
  const made = await generator.generateToFiles(document, out, { exportType: "named" }, true);
  const names = new Set(made.map((model) => model.modelName));
  const payloads = Object.values(document.components.messages).flatMap(({ payload }) => payload.$ref ?? []);
  const missing = payloads.map((ref) => ref.split("/").pop().replaceAll("_", "")).filter((name) => !names.has(name));
  if (missing.length) throw new Error(`Modelina made no model of ${missing.join(", ")}`);
  console.log(`asyncapi.json: no errors, ${Object.keys(document.components.messages).length} messages, ${names.size} models`);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
