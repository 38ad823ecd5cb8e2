// Loads the command line through V8's compile cache. It must stay tiny: every start pays for it.
//
// The cache holds code that we shall run, so it is used only below a home directory of our own,
// and only from a directory that nobody else can write to.
"use strict";

const { lstatSync, mkdirSync } = require("node:fs");
const { enableCompileCache } = require("node:module");

function cacheDirectory() {
  const { HOME: home = "", XDG_CACHE_HOME: cache = `${home}/.cache` } = process.env;
  if (!cache.startsWith("/")) return undefined;
  const parent = `${cache}/banger`;
  const directory = `${parent}/node`;
  if (!isOurs(directory) && isOurs(home)) mkdirSync(directory, { recursive: true, mode: 0o700 });
  return isOurs(parent) && isOurs(directory) ? directory : undefined;
}

function isOurs(path) {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid() && (found.mode & 0o022) === 0;
}

try {
  const directory = cacheDirectory();
  if (directory !== undefined) enableCompileCache(directory);
} catch {
  // A cache that cannot be had costs some milliseconds, and nothing else.
}

require("./banger.cjs");
