/**
 * What the harness tells a Node-like process in its environment, and how the process asks the harness: over
 * node:http, because its timers are never faked.
 */

const http = require("node:http");

const { MATRIX_URL, MATRIX_TOKEN, MATRIX_HARNESS } = process.env;

exports.options = {
  url: MATRIX_URL,
  token: MATRIX_TOKEN,
  ask: (what) =>
    new Promise((resolve, reject) => {
      const request = http.request(MATRIX_HARNESS, { method: "POST", agent: false }, (response) => {
        response.on("end", () => resolve()).resume();
        if (response.statusCode !== 204) reject(new Error(`${what}: ${response.statusCode}`));
      });
      request.on("error", reject).end(what);
    }),
};
