// Loaded into every Node process of a test's Pulumi run. Pulumi's SDK loads npm's dependency solver and the TypeScript
// compiler at its start, in two processes a run and 0.5 s of CPU each, and asks them only when it serialises a function
// or reads a tsconfig.json. Here they are found at the start, as always, and loaded when they are asked.
"use strict";
const Module = require("node:module");

const lazy = new Set(["@npmcli/arborist", "typescript"]);
const load = Module._load;
Module._load = function (request, parent, isMain) {
  if (!lazy.has(request) || !parent?.filename.includes("/@pulumi/pulumi/"))
    return load.call(this, request, parent, isMain);
  Module._resolveFilename(request, parent, isMain); // Where it is missing, Pulumi has another one.
  // Of what is no ES module Pulumi copies every name, and so would ask for everything.
  const get = (_target, key) =>
    key === "__esModule" ? true : Reflect.get(load.call(this, request, parent, isMain), key);
  return new Proxy({}, { get });
};
