/**
 * Node's HTTP without what it rarely needs. Importing `node:http` as a module reads all its exports, and with them
 * loads Node's own fetch: 4 MB of a daemon's memory and some 40 ms of a command's time.
 */
export const http = process.getBuiltinModule("node:http");
