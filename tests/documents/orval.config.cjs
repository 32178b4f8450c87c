"use strict";
const { resolve } = require("path");
const root = process.env.LOTLINE_ROOT;

module.exports = {
  lotline: {
    input: resolve(root, "clients/openapi.json"),
    output: { target: resolve(root, "target/generated/orval/client.ts"), client: "fetch", mode: "single" },
  },
};
